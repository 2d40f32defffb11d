/** Options of a conversion. */
export interface Options {
  /** Brotli quality, 0 (fast) to 11 (small); `"auto"` for the highest that the service would choose. Default 9. */
  quality?: number | "auto";
  /** Base-2 logarithm of the brotli window in bytes, 10 to 24, or `"auto"`. Default 22, and `"auto"` if the quality is. */
  lgwin?: number | "auto";
  /** The zip's size in bytes. `"auto"` needs it to give the same bytes as the service. */
  size?: number;
  /** Patterns: write only members that match one of them. Default: all. */
  include?: string[];
  /** Patterns: leave out members that match one of them. */
  exclude?: string[];
  /**
   * How names are decoded that are not flagged as UTF-8: `"cp437"`, `"utf-8"`, `"cp932"`, `"big5"`, `"gbk"` or `"euc-kr"`.
   * `"plain"` replaces unsafe characters by `_`; combine it with a comma.
   */
  names?: string;
}

/** Facts about a complete result. */
export interface Summary {
  /** The brotli quality used last. */
  quality: number;
  /** The window used. A tarball of up to 1 MiB gets no larger window than it can use. */
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
 * A stream that takes a zip and gives a brotli-compressed tarball. Nothing leaves the machine.
 *
 * The conversion runs on the thread that calls this function. Call it in a Web Worker.
 */
export function recompress(options?: Options): RecompressStream;

/** Loads the wasm once; `recompress` does it by itself. `source` says where it is, if not next to this module. */
export function init(source?: RequestInfo | URL | Response | BufferSource | WebAssembly.Module): Promise<void>;
