// A client of stored archives, for backends, Workers and web pages.

const NO_PROBLEM = { code: "http", detail: "the server gave an unexpected answer" };

/** A refusal: `code` is for programs, the message for people. */
export class ArchiveError extends Error {
  name = "ArchiveError";

  constructor({ code, detail }, status) {
    super(`${code}: ${detail}`);
    Object.assign(this, { code, detail, status });
  }
}

/** The archives of a service. */
export class Archives {
  #address;
  #token;
  #fetch;

  constructor(address, { token, fetch = (...request) => globalThis.fetch(...request) } = {}) {
    this.#address = `${String(address).replace(/\/$/, "")}/archives`;
    this.#token = token;
    this.#fetch = fetch;
  }

  /** Converts and stores a zip. Resolves to its record. */
  async put(id, zip, { ticket, sha256, ifMatch, signal, ...options } = {}) {
    const headers = { "content-type": "application/zip" };
    if (sha256) headers["content-digest"] = `sha-256=:${base64(bytesOf(sha256))}:`;
    if (ifMatch) headers["if-match"] = `"${ifMatch}"`;
    const [method, path] = id === undefined ? ["POST", ""] : ["PUT", one(id)];
    const stream = zip instanceof ReadableStream ? { duplex: "half" } : {};
    const answer = await this.#ask(path + query(options), { method, body: zip, headers, signal, ...stream }, ticket);
    return answer.json();
  }

  /** The archive as a Response: a `.tar.br`, or with `tar` the tarball, which the runtime decodes. */
  get(id, { tar = false, range, ifNoneMatch, signal } = {}) {
    // Runtimes decode what has a Content-Encoding; pages cannot choose one, and get what their browser decodes.
    const headers = tar ? { accept: "application/x-tar", "accept-encoding": "br" } : {};
    if (range) headers.range = `bytes=${range[0]}-${range[1] === undefined ? "" : range[1] - 1}`;
    if (ifNoneMatch) headers["if-none-match"] = `"${ifNoneMatch}"`;
    return this.#ask(one(id), { headers, signal });
  }

  /** The facts about an archive, with its `contents`. */
  async record(id, { signal } = {}) {
    return (await this.#ask(`${one(id)}/record`, { signal })).json();
  }

  /** The members of an archive; null if their list is too long for a record. */
  async members(id, options) {
    return (await this.record(id, options)).contents;
  }

  /** The contents of a member, as a Response. */
  read(id, name, { signal } = {}) {
    return this.#ask(`${one(id)}/members/${name.split("/").map(encodeURIComponent).join("/")}`, { headers: { "accept-encoding": "br" }, signal });
  }

  /** Deletes an archive. Succeeds if there is none. */
  async delete(id, { signal } = {}) {
    await this.#ask(one(id), { method: "DELETE", signal });
  }

  /** The records of all archives, in the order of their ids. */
  async *list({ prefix = "", signal } = {}) {
    let cursor;
    do {
      const page = await (await this.#ask(query({ prefix, ...(cursor && { cursor }) }), { signal })).json();
      yield* page.archives;
      cursor = page.cursor;
    } while (cursor);
  }

  async #ask(path, request, ticket) {
    const token = ticket ?? this.#token;
    const headers = { ...request.headers, ...(token && { authorization: `Bearer ${token}` }) };
    const answer = await this.#fetch(this.#address + path, { ...request, headers });
    if (answer.ok || answer.status === 304) return answer;
    const problem = await answer.json().catch(() => NO_PROBLEM);
    throw new ArchiveError(problem.code ? problem : NO_PROBLEM, answer.status);
  }
}

/** Lets somebody without the token store one archive: as `id`, of at most `bytes`, before `until`. Signed with the service's token. */
export async function ticket(token, { id, bytes, until }) {
  const text = new TextEncoder();
  const signed = `ticket.${id}.${bytes}.${Math.floor(Number(until) / (until instanceof Date ? 1000 : 1))}`;
  const key = await crypto.subtle.importKey("raw", text.encode(token), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const signature = base64(new Uint8Array(await crypto.subtle.sign("HMAC", key, text.encode(signed))));
  return `${signed}.${signature.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

const one = (id) => `/${encodeURIComponent(id)}`;

/** A list repeats its name. */
function query(options) {
  const pairs = Object.entries(options).flatMap(([name, value]) => [value].flat().map((one) => [name, String(one)]));
  return pairs.length ? `?${new URLSearchParams(pairs)}` : "";
}

const base64 = (bytes) => btoa(String.fromCharCode(...bytes));
const bytesOf = (hex) => hex.match(/../g).map((digits) => parseInt(digits, 16));
