// The package for web pages: a stream that takes a zip and returns a .tar.br. No data leaves the machine.

import load, { Conversion } from "./core.js";

/** Bytes of the zip that are converted at once. Between two shares the reader can apply back-pressure. */
const SHARE = 64 << 10;

let loading;

/** Loads the wasm once; `recompress` does it by itself. `source` says where it is, if not next to this module. */
export function init(source) {
  loading ??= load(source && { module_or_path: source }).catch((error) => {
    loading = undefined;
    throw error;
  });
  return loading.then(() => {});
}

/** A refusal: `code` is for programs and `message` for people, the same as the service's `code` and `detail`. */
export class RecompressError extends Error {
  name = "RecompressError";

  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

/** A stream that takes a zip and gives a brotli-compressed tarball. recompress.d.ts describes the options. */
export function recompress({ quality = 9, lgwin = quality === "auto" ? "auto" : 22, size, include = [], exclude = [], names } = {}) {
  const { promise: summary, resolve, reject } = Promise.withResolvers();
  // A caller that only pipes learns of a failure from the stream.
  summary.catch(() => {});
  let conversion;

  /** Runs `act`. If it throws, ends the conversion and throws the same as a RecompressError. */
  const guarded = (act) => {
    try {
      act();
    } catch (error) {
      const refusal = error.code ? new RecompressError(error.message, error.code) : error;
      end(refusal);
      throw refusal;
    }
  };
  const end = (reason) => {
    reject(reason);
    try {
      conversion?.free();
    } catch {
      // After a panic it cannot be freed.
    }
    conversion = undefined;
  };
  const drain = (controller) => {
    for (let piece; (piece = conversion.read()); ) controller.enqueue(piece);
  };

  const transformer = {
    async start() {
      await init();
      guarded(() => (conversion = new Conversion(number(quality), number(lgwin), size, include, exclude, names)));
    },
    transform(chunk, controller) {
      const bytes = bytesOf(chunk);
      guarded(() => {
        for (let at = 0; at < bytes.length; at += SHARE) {
          conversion.write(bytes.subarray(at, at + SHARE));
          drain(controller);
        }
      });
    },
    flush(controller) {
      guarded(() => {
        conversion.finish();
        drain(controller);
      });
      resolve({ quality: conversion.quality(), lgwin: conversion.lgwin(), sha256: conversion.sha256() });
      conversion.free();
    },
    cancel: end,
  };
  const stream = new TransformStream(transformer, undefined, { highWaterMark: 1 });
  return Object.assign(stream, { summary });
}

/** An option as the wasm takes it. It would cut any other number to 8 bits, so those become 255, which is out of range. */
function number(option) {
  if (option === "auto") return undefined;
  return Number.isInteger(option) && option >= 0 && option <= 255 ? option : 255;
}

function bytesOf(chunk) {
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  throw new TypeError("a chunk must be bytes: an ArrayBuffer or a view of one");
}
