/** A refusal of the service. The message is `code: detail`. */
export class ArchiveError extends Error {
  /** A stable word, as in the service's problems: `"exists"`, `"no_archive"`, `"encrypted"`, … */
  readonly code: string;
  /** For people. */
  readonly detail: string;
  /** The status of the answer. */
  readonly status: number;
}

/** The facts about a stored archive. */
export interface Record {
  id: string;
  /** Names this version of the contents. */
  etag: string;
  /** The upload's name, if it had one. */
  name?: string;
  /** Seconds since 1970. */
  created: number;
  /** Seconds since 1970 from which on it is gone. */
  expires?: number;
  /** Bytes of the `.tar.br`. */
  bytes: number;
  zip_bytes: number;
  /** In hexadecimal digits. */
  zip_sha256: string;
  tar_bytes: number;
  /** In hexadecimal digits. */
  tar_sha256: string;
  /** The number of members. */
  members: number;
  quality: number;
  quality_at_end: number;
  lgwin: number;
  /** The options that decide about the contents. */
  options: { [name: string]: unknown };
  /** A count for each warning. */
  warnings: { [code: string]: number };
  /** The metadata of a save. */
  save?: { [name: string]: unknown };
}

/** A member of a stored archive. */
export interface Member {
  name: string;
  kind: "file" | "directory" | "link";
  /** Bytes. */
  size: number;
  /** Octal digits. */
  mode: string;
  /** Seconds since 1970. */
  mtime: number;
  /** In hexadecimal digits. */
  crc32: string;
  /** Where a link points to. */
  target?: string;
}

/** Options that every call takes. */
export interface Call {
  signal?: AbortSignal;
}

/** Options of {@link Archives.put}. The service's own options, such as `quality`, have their names in docs/http.md. */
export interface Put extends Call {
  /** Permits the call where there is no token. */
  ticket?: string;
  /** SHA-256 of the zip in hexadecimal digits. The service checks it, and does not convert the same zip again. */
  sha256?: string;
  /** Replaces the version with this `etag`. Without it, an archive that exists is not replaced. */
  ifMatch?: string;
  quality?: number | "auto";
  lgwin?: number | "auto";
  mode?: "generic" | "text" | "font";
  include?: string[];
  exclude?: string[];
  first?: string[];
  names?: string;
  /** Seconds from now. */
  expires?: number;
  name?: string;
}

/** Options of {@link Archives.get}. */
export interface Get extends Call {
  /** The tarball instead of the `.tar.br`: the runtime decodes it. */
  tar?: boolean;
  /** Bytes from the first up to, and without, the second; to the end if there is no second. */
  range?: [number, number?];
  /** The answer is a 304 if the archive has this tag. */
  ifNoneMatch?: string;
}

/** The archives of a service. A refusal rejects with an {@link ArchiveError}. */
export class Archives {
  /**
   * @param address Where the service is. With a service binding, any origin: `http://recompress`.
   * @param options `token` is the service's; `fetch` is the one to call instead of the global one:
   *   `(...request) => env.RECOMPRESS.fetch(...request)`.
   */
  constructor(address: string | URL, options?: { token?: string; fetch?: (url: string, request: RequestInit) => Promise<Response> });
  /** Converts and stores a zip. Without an id, the service makes a random one. */
  put(id: string | undefined, zip: Blob | ArrayBuffer | ArrayBufferView<ArrayBuffer> | ReadableStream<Uint8Array>, options?: Put): Promise<Record>;
  /** The archive. */
  get(id: string, options?: Get): Promise<Response>;
  /** The facts about an archive. `contents` is null if the list would be longer than 1 MiB: the archive itself has it. */
  record(id: string, options?: Call): Promise<Record & { contents: Member[] | null }>;
  /** The members of an archive; null as above. */
  members(id: string, options?: Call): Promise<Member[] | null>;
  /** The contents of a member. */
  read(id: string, name: string, options?: Call): Promise<Response>;
  /** Deletes an archive. Succeeds if there is none. */
  delete(id: string, options?: Call): Promise<void>;
  /** The records of all archives, or of those whose ids begin with `prefix`, in the order of their ids. */
  list(options?: { prefix?: string } & Call): AsyncGenerator<Record, void, void>;
}

/**
 * Lets somebody without the token store one archive, for example a browser that uploads straight to the service.
 *
 * @param token The service's `RECOMPRESS_TOKEN`, which signs.
 * @param ticket The `id` to store as, the most `bytes` of the zip, and the time: a Date, or seconds since 1970.
 */
export function ticket(token: string, ticket: { id: string; bytes: number; until: Date | number }): Promise<string>;
