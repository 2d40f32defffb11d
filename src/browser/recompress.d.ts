/** Options of a conversion. */
export interface Options {
  /** Brotli quality, 0 (fast) to 11 (small); `"auto"` for the highest that the service would choose. Default 9. */
  quality?: number | "auto";
  /** Base-2 logarithm of the brotli window in bytes, 10 to 24, or `"auto"`. Default 22, and `"auto"` if the quality is. */
  lgwin?: number | "auto";
  /** The zip's size in bytes. `"auto"` needs it to give the same bytes as the service. */
  size?: number;
  /**
   * The `Blob` that is piped in. Its directory is then read before its members, so that permissions and symbolic links are kept, and
   * `size` is known.
   */
  file?: Blob;
  /**
   * When the zip's directory is read. Default `"auto"`: first if `file` is given or the zip has at most 4 MiB, else last. `"first"`
   * refuses a zip for which it is not possible.
   */
  directory?: "auto" | "first" | "last";
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
  /** Whether the directory was read before the members. */
  directory: "first" | "last";
}

/** Takes a zip and returns a `.tar.br`, with back-pressure. If the zip is refused, the stream errors and never closes. */
export interface RecompressStream extends TransformStream<Uint8Array<ArrayBufferLike>, Uint8Array<ArrayBuffer>> {
  /** Resolves when the result has been read to its end; rejects with the stream's error. */
  readonly summary: Promise<Summary>;
  /** The part of all contents that was read so far, 0 to 1; undefined if the directory is not read first, or not yet. */
  part(): number | undefined;
}

/** Why a zip, a save or an archive is refused. */
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

/** Options of a save's JSON. They are the service's options, and mean the same. */
export interface JsonOptions {
  /** The words of a binary save: a list with a line like `0x1234 name` for each word. */
  tokens?: string | Blob;
  /** Write only these parts: paths such as `/countries/FRA/treasury`; `*` is any key. Default: all. */
  select?: string | string[];
  /** Write each child of the part at this path as a line, and a last line with `"complete":true`. */
  lines?: string;
  /** A key that an object has more than once. Default `"preserve"`: it is written more than once. */
  keys?: "preserve" | "pairs" | "group";
  /** The texts that may become numbers and truth values. Default `"unquoted"`. */
  narrow?: "unquoted" | "all" | "none";
  /** The encoding of the save. Default `"auto"`: by the game. */
  encoding?: "auto" | "utf-8" | "windows-1252";
  /** A word of a binary save that `tokens` lacks. Default `"name"`: it becomes `__unknown_0x1234`. */
  unknown?: "name" | "refuse";
  /** The member of the zip. Default: `gamestate`, or the first with the extension of a game. */
  member?: string;
  /** The file's name, whose extension shows the game. Default: the name of the `File`. */
  name?: string;
}

/** The JSON of a save. If the save is refused, the stream errors and never closes, and what has come is no valid JSON. */
export interface JsonStream extends ReadableStream<Uint8Array<ArrayBuffer>> {
  /** Resolves when the JSON has been read to its end; rejects with the reason. `Response` hides the reason of its stream. */
  readonly complete: Promise<void>;
}

/**
 * The JSON of a save as a stream of UTF-8, with back-pressure. `save` is a zip, or a save without one; a `File` brings its
 * name. Nothing leaves the machine.
 *
 * The conversion runs on the thread that calls this function. Call it in a Web Worker.
 */
export function json(save: Blob | ReadableStream<Uint8Array>, options?: JsonOptions): JsonStream;

/** The metadata of a save. A field is `null` if the game does not have it, or if it cannot be read. */
export interface Metadata {
  /** A word for the game. `null` if the save does not show it. */
  game: "eu4" | "eu5" | "ck2" | "ck3" | "hoi4" | "imperator" | "stellaris" | "vic3" | null;
  /** The game's full name. */
  game_name: string | null;
  /** Text, or binary tokens as in ironman saves. */
  form: "text" | "binary" | null;
  /** The game's version. */
  version: string | null;
  /** The date in the game, as the game writes it. */
  date: string | null;
  /** The player: a country's tag, an empire or a ruler. */
  player: string | null;
  /** The checksum of the game's rules. */
  checksum: string | null;
  ironman: boolean | null;
  multiplayer: boolean | null;
  /** Mods, by name if the save has names. */
  mods: string[] | null;
  /** Downloadable content, by name. */
  dlc: string[] | null;
}

/**
 * The metadata of a save; `null` if the Blob is no save. Reads a few parts of the Blob, so it is quick for a save of any
 * size, and it verifies nothing.
 */
export function metadata(save: Blob, options?: { tokens?: string | Blob; name?: string }): Promise<Metadata | null>;

/** A member of a stored archive. */
export interface Member {
  /** A relative path; a directory's ends in `/`. */
  readonly name: string;
  readonly kind: "file" | "directory" | "link";
  /** Bytes of contents; 0 for directories and links. */
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  /** Seconds since 1970 of the last modification. */
  readonly mtime: number;
  /** The path that a link leads to. */
  readonly target?: string;
}

/** The result of `test`. */
export interface Tested {
  members: number;
  /** Bytes of contents. */
  bytes: number;
  /** SHA-256 of the tarball, in hexadecimal digits, if the archive has an index. */
  sha256?: string;
}

/** An archive that `open` has opened. */
export interface Archive {
  /** In the order of the tarball. */
  readonly members: readonly Member[];
  /** Whether the file has an index. Without one, each `read` decodes the file from its front. */
  readonly indexed: boolean;
  /** Whether the browser's own decoder may be used. */
  readonly trusted: boolean;
  /** Bytes of the file. */
  readonly size: number;
  /** Bytes of the file that came over the network so far. */
  readonly transferred: number;
  /**
   * The contents of a file, with back-pressure. Throws `no_member` if the archive has no such member and `bad_member` if it is
   * no file. If the archive is damaged, or its index tells another story than its contents, the stream errors and never closes.
   */
  read(name: string, options?: { signal?: AbortSignal }): ReadableStream<Uint8Array<ArrayBuffer>>;
  /**
   * Reads the whole file once, by its index and from its front with another decoder, and compares both. Rejects if they
   * differ. After that a Blob is trusted; a server could send something else the next time.
   */
  test(options?: { signal?: AbortSignal }): Promise<Tested>;
}

/** Options of `open`. */
export interface OpenOptions {
  /**
   * The file comes from you: decode it by the browser's own decoder where there is one, which is faster. A file of a stranger
   * could then show other contents than it unpacks to. Default false.
   */
  trusted?: boolean;
  /** Ends the requests of `open`. */
  signal?: AbortSignal;
  /** Fetches from an address: to add a header with a token, for example. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/**
 * Opens a `.tar.br`: a Blob, or an address, of which only the index and the members that you read are transferred.
 *
 * The server should answer requests for ranges. If it sends the whole file, that is kept as a Blob. A server of another origin
 * must allow the header `Range` and expose `Content-Range` and `ETag`. A file without an index, also a plain `.tar`, is read
 * through.
 */
export function open(from: Blob | string | URL, options?: OpenOptions): Promise<Archive>;

/** Loads the wasm once; the other functions do it by themselves. `source` says where it is, if not next to this module. */
export function init(source?: RequestInfo | URL | Response | BufferSource | WebAssembly.Module): Promise<void>;
