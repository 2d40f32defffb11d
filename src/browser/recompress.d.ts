/** With what, and how well, a zip is compressed. */
export interface Options {
  /** Brotli quality, 0 (fast) to 11 (small); `"auto"` for the best that the service would choose. Default 9. */
  quality?: number | "auto";
  /** Base-2 logarithm of the brotli window in bytes, 10 to 24. Default 22. */
  lgwin?: number;
  /** The zip's size in bytes, by which `"auto"` goes: with it, the result is the service's to the byte. */
  size?: number;
}

/** What is known of a result when it is whole. */
export interface Summary {
  /** Brotli quality that was used last. */
  quality: number;
  /** That was used: a tarball of up to 1 MiB gets no larger window than it can use. */
  lgwin: number;
  /** Of the result, in hexadecimal digits. */
  sha256: string;
}

/** Takes a zip and gives a `.tar.br`, with back-pressure. Errors, and is never closed, if the zip is refused. */
export interface RecompressStream extends TransformStream<Uint8Array<ArrayBufferLike>, Uint8Array<ArrayBuffer>> {
  /** Settles when the result has been read to its end, or with what the stream fails with. */
  readonly summary: Promise<Summary>;
}

/** Why a zip is refused. */
export class RecompressError extends Error {
  /** A stable word, as in the service's problems: `"encrypted"`, `"truncated"`, … */
  readonly code: string;
  constructor(message: string, code: string);
}

/**
 * A stream that turns the bytes of a zip into those of a brotli-compressed tarball. Nothing leaves the machine.
 *
 * It computes on the thread that it is made on: make it in a Web Worker.
 */
export function recompress(options?: Options): RecompressStream;

/** Loads the wasm, once; `recompress` does it by itself. `source` is where it is, if not next to this module. */
export function init(source?: RequestInfo | URL | Response | BufferSource | WebAssembly.Module): Promise<void>;
