// Stored archives: their list of members, and any member as a stream.
//
// By the index if the file has one. Its segments are decoded by the wasm, which refuses what could mean something else in the
// whole stream; the browser's own decoder takes those of a file that is trusted. A file without an index is read from its front.

import { Checksum, IndexSearch, TarballReader, Unbrotli, is_tarball, tarball_start } from "./core.js";
import { RecompressError, caught, init, refusal } from "./loading.js";
import { bytesOf, sourceOf } from "./source.js";

/** Bytes that the wasm takes at once. Between two shares the reader can apply back-pressure. */
const SHARE = 64 << 10;

/** Opens a `.tar.br` or a `.tar`: a Blob, or an address. recompress.d.ts describes the options. */
export async function open(from, { trusted = false, signal, fetch = globalThis.fetch } = {}) {
  await init();
  return caught(async () => {
    const source = await sourceOf(from, fetch, signal);
    const index = await indexOf(source, signal);
    if (index) return new Archive(source, index, index.members(), trusted);
    let members;
    const list = new TarballReader();
    await drained(through(source, list, signal, () => (members = list.members())));
    return new Archive(source, undefined, members, false);
  });
}

/** An archive that was opened. */
class Archive {
  #source;
  #index;
  #numbers;
  #trusted;

  constructor(source, index, members, trusted) {
    this.#source = source;
    this.#index = index;
    this.#trusted = trusted;
    this.members = Object.freeze(members.map(Object.freeze));
    // In a tarball without an index a name may come twice; the last one counts, as it does when it is unpacked.
    this.#numbers = new Map(members.map(({ name }, number) => [name, number]));
  }

  get indexed() {
    return this.#index !== undefined;
  }

  get trusted() {
    return this.#trusted;
  }

  get size() {
    return this.#source.size;
  }

  get transferred() {
    return this.#source.transferred ?? 0;
  }

  /** A member's contents. */
  read(name, { signal } = {}) {
    const number = this.#numbers.get(name);
    if (number === undefined) throw new RecompressError(`the file has no member ${JSON.stringify(name)}`, "no_member");
    const member = this.members[number];
    if (member.kind !== "file") throw new RecompressError(`${JSON.stringify(name)} is no file`, "bad_member");
    const stop = new AbortController();
    const either = AbortSignal.any([stop.signal, ...(signal ? [signal] : [])]);
    return streamOf(this.#contents(number, either), stop);
  }

  #contents(number, signal) {
    if (!this.#index) return through(this.#source, new TarballReader(number), signal);
    if (this.#trusted && hasDecoder()) return natively(this.#source, this.#index, number, this.members[number], signal);
    return byIndex(this.#source, this.#index.reader(number), signal);
  }

  /** Reads the whole file, by its index and from its front, and compares. A Blob is trusted then. */
  async test({ signal } = {}) {
    return caught(async () => {
      const { members } = this;
      const bytes = members.reduce((sum, { size }) => sum + size, 0);
      if (!this.#index) {
        await drained(through(this.#source, new TarballReader(), signal));
        return { members: members.length, bytes };
      }
      const sha256 = await compared(this.#source, this.#index, signal);
      this.#trusted ||= this.#source.isFixed;
      return { members: members.length, bytes, sha256 };
    });
  }
}

/** The index of a file; undefined without one. */
async function indexOf(source, signal) {
  const search = new IndexSearch(source.size);
  try {
    for (let start; (start = search.start) !== undefined; ) {
      search.take(await bytesOf(source, start, search.end, signal));
    }
  } catch (error) {
    search.free();
    if (error.code === "no_index") return undefined;
    throw error;
  }
  return search.finish();
}

/** Contents by the index and the wasm's decoder. */
async function* byIndex(source, reader, signal) {
  try {
    for await (const share of shares(source.pieces(reader.start, reader.end, signal))) {
      reader.write(share);
      for (let piece; (piece = reader.read()); ) yield piece;
      if (reader.done) return;
    }
  } finally {
    free(reader);
  }
  throw new RecompressError("the file ends inside a member", "bad_member");
}

/** Contents by the index and the browser's own decoder. */
async function* natively(source, index, number, { name, size }, signal) {
  const [start, end, from, to, crc32] = index.place(number);
  const checksum = new Checksum();
  const whole = async function* () {
    yield index.before();
    yield* source.pieces(start, end, signal);
    yield index.after();
  };
  let at = 0;
  for await (const bytes of size > 0 ? decompressed(whole()) : []) {
    const part = bytes.subarray(Math.max(from - at, 0), Math.max(to - at, 0));
    at += bytes.length;
    checksum.write(part);
    if (part.length > 0) yield part;
    if (at >= to) break;
  }
  if (size > 0 && at < to) throw new RecompressError("a segment does not give as many bytes as the index says", "bad_segment");
  if (checksum.value() !== crc32) throw new RecompressError(`${JSON.stringify(name)} is refused: its contents do not have the CRC-32 of the index`, "bad_member");
}

/** Reads a file from its front: the contents that `reader` gives. Calls `ended` at the end of the tarball. */
async function* through(source, reader, signal, ended) {
  try {
    for await (const share of shares(await tarballOf(source, signal))) {
      reader.write(share);
      for (let piece; (piece = reader.read()); ) yield piece;
      if (reader.done) return;
    }
    reader.finish();
    for (let piece; (piece = reader.read()); ) yield piece;
    ended?.();
  } finally {
    free(reader);
  }
}

/** Reads a file once, by its index and from its front; the SHA-256 of its tarball. */
async function compared(source, index, signal) {
  const [byIndex, front] = [index.whole(), index.front()];
  const [start, end] = [byIndex.start, byIndex.end];
  const pieces = async function* () {
    let at = 0;
    for await (const share of shares(source.pieces(0, source.size, signal))) {
      byIndex.write(share.subarray(Math.max(start - at, 0), Math.max(end - at, 0)));
      byIndex.check();
      at += share.length;
      yield share;
    }
  };
  try {
    for await (const bytes of decompressed(pieces())) front.write(bytes);
    byIndex.check();
    return front.finish(byIndex);
  } finally {
    free(byIndex);
  }
}

/** The tarball in a file, decompressed if it is compressed. */
async function tarballOf(source, signal) {
  const start = await bytesOf(source, 0, Math.min(tarball_start(), source.size), signal);
  const pieces = source.pieces(0, source.size, signal);
  return is_tarball(start) ? pieces : decompressed(pieces);
}

/** Whether the browser decodes brotli by itself. */
function hasDecoder() {
  try {
    return new DecompressionStream("brotli") !== undefined;
  } catch {
    return false;
  }
}

/** A brotli stream, decompressed by the browser if it can, and otherwise by the wasm. */
function decompressed(pieces) {
  return hasDecoder() ? byBrowser(pieces) : byWasm(pieces);
}

async function* byBrowser(pieces) {
  // The first reason is the reason: the decoder fails too if its input does.
  let reason;
  const noted = async function* () {
    try {
      yield* pieces;
    } catch (error) {
      reason = error;
      throw error;
    }
  };
  const reader = streamOf(noted()).pipeThrough(new DecompressionStream("brotli")).getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read().catch((error) => {
        throw reason ?? new RecompressError(`the archive cannot be read: ${error.message}`, "bad_tar");
      });
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

async function* byWasm(pieces) {
  const decoder = new Unbrotli();
  try {
    for await (const share of shares(pieces)) {
      decoder.write(share);
      for (let piece; (piece = decoder.read()); ) yield piece;
    }
    decoder.finish();
  } finally {
    free(decoder);
  }
}

async function* shares(pieces) {
  for await (const bytes of pieces) {
    for (let at = 0; at < bytes.length; at += SHARE) yield bytes.subarray(at, at + SHARE);
  }
}

/** A stream of what `pieces` gives, when it is asked for. Who cancels it does not wait for the network: `stop` ends a request. */
function streamOf(pieces, stop) {
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { value, done } = await pieces.next();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          controller.error(refusal(error));
          await pieces.return().catch(() => {});
        }
      },
      async cancel(reason) {
        stop?.abort(reason);
        await pieces.return().catch(() => {});
      },
    },
    { highWaterMark: 0 },
  );
}

/** Gives back the memory of an object of the wasm. */
function free(object) {
  try {
    object.free();
  } catch {
    // After a panic it cannot be freed.
  }
}

async function drained(pieces) {
  for await (const _ of pieces);
}
