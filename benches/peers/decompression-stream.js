// A JavaScript developer's version, with the platform's DecompressionStream and node:zlib's brotli. It
// streams, knows deflated and stored members whose sizes are in the local header, and checks next to nothing.

import { compressed } from "./brotli.js";
import { END, fromDos, header, padding } from "./tar.js";

const LOCAL_HEADER = 0x04034b50; // APPNOTE §4.3.7
const PIECE = 64 << 10;

export default {
  async fetch(request) {
    return compressed(request, (write) => convert(new Upload(request.body), write));
  },
};

async function convert(upload, write) {
  for (;;) {
    const fixed = await upload.take(30);
    const record = new DataView(fixed.buffer, fixed.byteOffset, fixed.byteLength);
    if (record.getUint32(0, true) !== LOCAL_HEADER) break;
    const [flags, method] = [record.getUint16(6, true), record.getUint16(8, true)];
    const [deflatedSize, size] = [record.getUint32(18, true), record.getUint32(22, true)];
    if (flags & 8) throw new Error("sizes behind the data");
    const names = await upload.take(record.getUint16(26, true) + record.getUint16(28, true));
    const name = new TextDecoder().decode(names.subarray(0, record.getUint16(26, true)));
    await write(header(name, size, fromDos(record.getUint16(12, true), record.getUint16(10, true))));
    if (method === 8) await inflate(upload, deflatedSize, write);
    else for await (const piece of upload.pieces(deflatedSize)) await write(piece);
    if (size % 512) await write(padding(size));
  }
  await write(END);
  await upload.drain();
}

async function inflate(upload, deflatedSize, write) {
  const { readable, writable } = new DecompressionStream("deflate-raw");
  const fed = feed(writable.getWriter(), upload.pieces(deflatedSize));
  const reader = readable.getReader({ mode: "byob" });
  for (;;) {
    const { value, done } = await reader.readAtLeast(PIECE, new Uint8Array(PIECE));
    if (value?.length) await write(value);
    if (done) break;
  }
  await fed;
}

async function feed(writer, pieces) {
  for await (const piece of pieces) await writer.write(piece);
  await writer.close();
}

/** The body as a queue of bytes. */
class Upload {
  constructor(body) {
    this.reader = body.getReader({ mode: "byob" });
    this.rest = new Uint8Array(0);
  }

  /** Reads on if the buffer is empty. It stays empty only at the end. */
  async fill() {
    if (this.rest.length > 0) return;
    const { value } = await this.reader.readAtLeast(PIECE, new Uint8Array(PIECE));
    this.rest = value ?? this.rest;
  }

  /** Exactly so many bytes. */
  async take(count) {
    const taken = new Uint8Array(count);
    let length = 0;
    for await (const piece of this.pieces(count)) {
      taken.set(piece, length);
      length += piece.length;
    }
    return taken;
  }

  /** So many bytes as they come. */
  async *pieces(count) {
    while (count > 0) {
      await this.fill();
      if (this.rest.length === 0) throw new Error("the upload is cut");
      const piece = this.rest.subarray(0, count);
      this.rest = this.rest.subarray(piece.length);
      count -= piece.length;
      yield piece;
    }
  }

  async drain() {
    for (;;) {
      this.rest = new Uint8Array(0);
      await this.fill();
      if (this.rest.length === 0) return;
    }
  }
}
