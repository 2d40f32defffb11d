// A brotli encoder in workerd and as little else as can be: the tarball is there before the clock starts, the result goes
// nowhere unless it is asked for. `encoder=wasm` is the Worker's own, `encoder=native` Google's in C.

import { constants, createBrotliCompress } from "node:zlib";

import module from "./encoder.wasm";

const PIECE = 64 << 10;
/** One instance for all runs, as in the Worker: its memory has grown to the encoder's need. */
const { memory, begin, input, output, given, step } = new WebAssembly.Instance(module).exports;
let tarball;

export default {
  async fetch(request) {
    if (request.method === "PUT") {
      tarball = new Uint8Array(await request.arrayBuffer());
      return new Response();
    }
    const options = new URL(request.url).searchParams;
    const number = (name) => Number(options.get(name));
    const encode = options.get("encoder") === "wasm" ? wasm : native;
    const kept = options.has("keep") ? [] : undefined;
    const length = await encode(number("quality"), number("lgwin"), number("metablock"), (bytes) => kept?.push(bytes.slice()));
    return kept ? new Response(new Blob(kept)) : new Response(String(length));
  },
};

function wasm(quality, lgwin, metaBlock, take) {
  begin(quality, lgwin, metaBlock);
  let length = 0;
  for (let at = 0, last = false; !last; at += PIECE) {
    const piece = tarball.subarray(at, at + PIECE);
    last = piece.length === 0;
    new Uint8Array(memory.buffer).set(piece, input());
    given(piece.length);
    for (let produced = step(); produced >= 0; produced = step()) {
      length += produced;
      if (produced) take(new Uint8Array(memory.buffer, output(), produced));
    }
  }
  return length;
}

async function native(quality, lgwin, metaBlock, take) {
  const brotli = createBrotliCompress({
    chunkSize: PIECE,
    params: {
      [constants.BROTLI_PARAM_QUALITY]: quality,
      [constants.BROTLI_PARAM_LGWIN]: lgwin,
      [constants.BROTLI_PARAM_SIZE_HINT]: 1 << 30,
    },
  });
  let length = 0;
  brotli.on("data", (bytes) => {
    length += bytes.length;
    take(bytes);
  });
  const ended = new Promise((resolve, reject) => brotli.on("end", resolve).on("error", reject));
  for (let at = 0; at < tarball.length; at += metaBlock) {
    await new Promise((written) => brotli.write(tarball.subarray(at, at + metaBlock), written));
    if (at + metaBlock < tarball.length) await new Promise((flushed) => brotli.flush(constants.BROTLI_OPERATION_FLUSH, flushed));
  }
  brotli.end();
  await ended;
  return length;
}
