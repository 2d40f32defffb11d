// The package for web pages: a stream that takes a zip and returns a .tar.br, saves as JSON, and stored archives. No data leaves
// the machine.

import { Conversion, SaveConversion, SaveMetadata } from "./core.js";
import { caught, init, refusal } from "./loading.js";

export { RecompressError, init } from "./loading.js";
export { open } from "./stored.js";

/** Bytes of the zip that are converted at once. Between two shares the reader can apply back-pressure. */
const SHARE = 64 << 10;

/** A stream that takes a zip and gives a brotli-compressed tarball. recompress.d.ts describes the options. */
export function recompress({ quality = 9, lgwin = quality === "auto" ? "auto" : 22, file, size = file?.size, include = [], exclude = [], names, directory = "auto" } = {}) {
  const start = async () => {
    const conversion = new Conversion(number(quality), number(lgwin), size, include, exclude, names, directory);
    if (file) {
      conversion.look(file.size);
      await takeRanges(conversion, file);
    }
    return conversion;
  };
  const finish = (conversion) => ({ quality: conversion.quality(), lgwin: conversion.lgwin(), sha256: conversion.sha256(), directory: conversion.knows() ? "first" : "last" });
  return converting(start, finish);
}

/** The JSON of a save, as a stream of bytes. `save` is a Blob or a stream of bytes. recompress.d.ts describes the options. */
export function json(save, { select = [], lines, keys, narrow, encoding, unknown, member, name = save.name, tokens } = {}) {
  const given = { lines, keys, narrow, encoding, unknown, member, name };
  const options = Object.entries(given).filter(([, value]) => value !== undefined);
  for (const path of [select].flat()) options.push(["select", path]);
  const start = async () => {
    const list = await textOf(tokens);
    return new SaveConversion([...options, ...(list === undefined ? [] : [["tokens", list]])].flat().map(String));
  };
  const stream = save instanceof Blob ? save.stream() : save;
  const conversion = converting(start, () => undefined);
  return Object.assign(stream.pipeThrough(conversion), { complete: conversion.summary });
}

/** The metadata of a save; null if the Blob is no save. Reads little of it and verifies nothing. */
export async function metadata(save, { name = save.name, tokens } = {}) {
  const list = await textOf(tokens);
  await init();
  return caught(async () => {
    const reader = new SaveMetadata(save.size, name ?? "", list);
    await takeRanges(reader, save);
    const found = reader.finish();
    reader.free();
    return JSON.parse(found ?? "null");
  });
}

/** Brings the ranges of `blob` that `reader` asks for. */
async function takeRanges(reader, blob) {
  for (let start; (start = reader.start) !== undefined; ) {
    reader.take(new Uint8Array(await blob.slice(start, reader.end).arrayBuffer()));
  }
}

/** A stream through the conversion that `begin` makes. Its `summary` resolves to what `finish` makes of it at the end. */
function converting(begin, finish) {
  const { promise: summary, resolve, reject } = Promise.withResolvers();
  // A caller that only pipes learns of a failure from the stream.
  summary.catch(() => {});
  let conversion;
  /** The part done at the end, when the conversion is gone. */
  let last;

  const failed = (error) => {
    const reason = refusal(error);
    end(reason);
    throw reason;
  };
  /** Runs `act`. If it throws, ends the conversion and throws the same as a RecompressError. */
  const guarded = (act) => {
    try {
      act();
    } catch (error) {
      failed(error);
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
      try {
        await init();
        conversion = await begin();
      } catch (error) {
        failed(error);
      }
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
      resolve(finish(conversion));
      last = conversion.part?.();
      conversion.free();
      conversion = undefined;
    },
    cancel: end,
  };
  const stream = new TransformStream(transformer, undefined, { highWaterMark: 1 });
  return Object.assign(stream, { summary, part: () => (conversion ? conversion.part?.() : last) });
}

/** A list of tokens as text; undefined without a list. */
async function textOf(tokens) {
  return tokens instanceof Blob ? await tokens.text() : tokens;
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
