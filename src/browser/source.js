// Where the bytes of a stored archive come from: a Blob, or a server that is asked for ranges.

import { RecompressError } from "./loading.js";

/** Bytes of a Blob that are read at once. */
const PIECE = 256 << 10;

/** Bytes that a server is asked for first, from the end of the file: they mostly hold the whole index. */
const TAIL = 64 << 10;

const failed = (message) => new RecompressError(message, "io");
const CHANGED = "the file has changed while it was read: open it again";

/** A Blob. `transferred` is undefined: nothing comes over a network. */
export class BlobSource {
  isFixed = true;

  constructor(blob, transferred) {
    this.blob = blob;
    this.size = blob.size;
    this.transferred = transferred;
  }

  /** The bytes from `start` to `end`, piece by piece. */
  async *pieces(start, end, signal) {
    for (let at = start; at < end; ) {
      signal?.throwIfAborted();
      const part = this.blob.slice(at, Math.min(at + PIECE, end));
      const bytes = await part.arrayBuffer().then((buffer) => new Uint8Array(buffer), ({ message }) => {
        throw failed(`cannot read the file: ${message}`);
      });
      if (bytes.length === 0) throw failed(CHANGED);
      at += bytes.length;
      yield bytes;
    }
  }
}

/** A file on a server that answers requests for ranges. */
class RemoteSource {
  isFixed = false;
  transferred = 0;

  constructor(request, answer, [start, end, size]) {
    this.request = request;
    this.version = versionOf(answer);
    this.size = size;
    this.tail = { start, end };
  }

  /** Keeps the last bytes of the file. */
  async keep(answer) {
    this.tail.bytes = await gathered(this.received(answer, this.tail.end - this.tail.start), this.tail.end - this.tail.start);
  }

  async *pieces(start, end, signal) {
    const { tail } = this;
    if (start >= end) return;
    if (start >= tail.start) return yield tail.bytes.subarray(start - tail.start, end - tail.start);
    const stop = new AbortController();
    const answer = await this.request({ start, end }, AbortSignal.any([stop.signal, ...(signal ? [signal] : [])]));
    try {
      if (answer.status === 200) throw failed("the server answered a first request for a range, and sends the whole file now");
      if (answer.status !== 206) throw failed(`the server answers ${answer.status} to a request for a range`);
      const range = rangeOf(answer);
      if (range?.[2] !== this.size || versionOf(answer) !== this.version) throw failed(CHANGED);
      if (range[0] !== start || range[1] !== end) throw failed("the server sent another range than it was asked for");
      yield* this.received(answer, end - start);
    } finally {
      stop.abort(); // a reader that has enough ends the request
    }
  }

  /** The body of an answer, which must have `length` bytes. */
  async *received(answer, length) {
    let left = length;
    for await (const bytes of bodyOf(answer)) {
      this.transferred += bytes.length;
      left -= bytes.length;
      if (left < 0) break;
      yield bytes;
    }
    if (left !== 0) throw failed(`the server sent ${left < 0 ? "more" : "fewer"} bytes than it said`);
  }
}

/** The bytes from `start` to `end` of a source, in one piece. */
export async function bytesOf(source, start, end, signal) {
  return gathered(source.pieces(start, end, signal), end - start);
}

/** A Blob, or an address: a server without ranges sends the file whole, and it is kept as a Blob. */
export async function sourceOf(from, fetch, signal) {
  if (from instanceof Blob) return new BlobSource(from);
  const url = new URL(from, globalThis.location?.href);
  if (!["http:", "https:", "blob:", "data:"].includes(url.protocol)) throw failed(`${url.protocol} addresses cannot be read`);
  const request = async (range, signal) => {
    const asked = range.last ? `-${range.last}` : `${range.start}-${range.end - 1}`;
    try {
      return await fetch(url.href, { headers: { Range: `bytes=${asked}` }, signal });
    } catch (error) {
      throw signal?.aborted ? error : failed(`cannot read ${url.href}: ${error.message}`);
    }
  };
  const answer = await request({ last: TAIL }, signal);
  if (answer.status === 206) {
    const range = rangeOf(answer);
    if (!range) throw failed("the server hides the header Content-Range, or it says nothing: a server of another origin must expose it");
    if (range[1] !== range[2] || range[1] - range[0] > TAIL) throw failed("the server sent another range than it was asked for");
    const source = new RemoteSource(request, answer, range);
    await source.keep(answer);
    return source;
  }
  if (answer.status !== 200) {
    await answer.body?.cancel();
    throw failed(`the server answers ${answer.status}`);
  }
  const blob = await answer.blob().catch((error) => {
    throw signal?.aborted ? error : failed(`cannot read ${url.href}: ${error.message}`);
  });
  return new BlobSource(blob, blob.size);
}

async function gathered(pieces, length) {
  const all = new Uint8Array(length);
  let at = 0;
  for await (const bytes of pieces) {
    all.set(bytes, at);
    at += bytes.length;
  }
  return all;
}

async function* bodyOf(answer) {
  const reader = answer.body.getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read().catch((error) => {
        throw error.name === "AbortError" ? error : failed(`the connection failed: ${error.message}`);
      });
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** First byte, the one after the last, and the size of the file: `bytes 5-9/20` is 5, 10, 20 (RFC 9110 §14.4). */
function rangeOf(answer) {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(answer.headers.get("content-range") ?? "");
  if (!match) return undefined;
  const [first, last, size] = match.slice(1).map(Number);
  return first <= last && last < size ? [first, last + 1, size] : undefined;
}

/** The version of a file, as far as the server states one. */
const versionOf = (answer) => `${answer.headers.get("etag")} ${answer.headers.get("last-modified")}`;
