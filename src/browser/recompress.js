// The package for web pages: a stream that takes a zip and returns a .tar.br. No data leaves the machine.

import load, { Conversion } from "./core.js";

/** Bytes of the zip converted in one go; back-pressure acts between two shares. */
const SHARE = 64 << 10;

let loading;

/** Loads the wasm once; `recompress` calls it. `source` is its location, if it is not next to this module. */
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

/** A stream that turns the bytes of a zip into those of a brotli-compressed tarball. Described in recompress.d.ts. */
export function recompress({ quality = 9, lgwin = 22, size } = {}) {
  const { promise: summary, resolve, reject } = Promise.withResolvers();
  // A caller that only pipes sees the failure on the stream; this avoids an unhandled rejection.
  summary.catch(() => {});
  let conversion;

  /** Runs `act`. If it throws, ends the conversion and throws the error as a refusal. */
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
      // It panicked, so it cannot be freed.
    }
    conversion = undefined;
  };
  const drain = (controller) => {
    for (let piece; (piece = conversion.read()); ) controller.enqueue(piece);
  };

  const transformer = {
    async start() {
      await init();
      guarded(() => (conversion = new Conversion(quality === "auto" ? undefined : whole(quality), whole(lgwin), size)));
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

/** wasm would cut other numbers to 8 bits; 255 is out of range like them, and is refused. */
function whole(number) {
  return Number.isInteger(number) && number >= 0 && number <= 255 ? number : 255;
}

function bytesOf(chunk) {
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  throw new TypeError("a chunk must be bytes: an ArrayBuffer or a view of one");
}
