/** Compression options. */
export interface Options {
  /** Brotli quality, 0 (fast) to 11 (small); `"auto"` for the service's automatic choice. Default 9. */
  quality?: number | "auto";
  /** Base-2 logarithm of the brotli window in bytes, 10 to 24. Default 22. */
  lgwin?: number;
  /** The zip's size in bytes. `"auto"` depends on it: with it, the result equals the service's byte for byte. */
  size?: number;
}

/** Facts about a complete result. */
export interface Summary {
  /** The last brotli quality in use. */
  quality: number;
  /** The window in use. A tarball of up to 1 MiB gets no larger window than it needs. */
  lgwin: number;
  /** SHA-256 of the result, in hexadecimal digits. */
  sha256: string;
}

/** Takes a zip and returns a `.tar.br`, with back-pressure. If the zip is refused, the stream errors and never closes. */
export interface RecompressStream extends TransformStream<Uint8Array<ArrayBufferLike>, Uint8Array<ArrayBuffer>> {
  /** Resolves when the result has been read to its end; rejects with the stream's error. */
  readonly summary: Promise<Summary>;
}

/** Why a zip is refused. */
export class RecompressError extends Error {
  /** A stable code, as in the service's problems: `"encrypted"`, `"truncated"`, … */
  readonly code: string;
  constructor(message: string, code: string);
}

/**
 * A stream that converts a zip to a brotli-compressed tarball. No data leaves the machine.
 *
 * It computes on the thread that creates it: create it in a Web Worker.
 */
export function recompress(options?: Options): RecompressStream;

/** Loads the wasm once; `recompress` calls it. `source` is its location, if it is not next to this module. */
export function init(source?: RequestInfo | URL | Response | BufferSource | WebAssembly.Module): Promise<void>;
