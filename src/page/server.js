// A conversion by the service: the zip is sent, the tarball comes back.

import { Failure } from "./failure.js";
import { texts } from "./texts.js";

/** Milliseconds without progress after which an upload counts as stuck. */
const STUCK_MS = 20_000;

/** The code of an upload that got stuck. The browser can do the conversion instead. */
export const STUCK = "stuck";

/**
 * Converts `file`; resolves to the result as a Blob, its digest, and the parameters in use.
 *
 * This is not `fetch`, because only XMLHttpRequest reports how much was sent. It keeps the answer in memory, which is
 * fine for the sizes that are sent to the server.
 */
export function convertOnServer(file, options, { signal, progress, token }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const seen = { in: 0, out: 0 };
    let watch;
    const settle = (act, value) => {
      clearTimeout(watch);
      signal.removeEventListener("abort", cancel);
      act(value);
    };
    const fail = (failure) => {
      settle(reject, failure);
      request.abort();
    };
    const cancel = () => fail(signal.reason);
    const moved = () => {
      clearTimeout(watch);
      watch = setTimeout(() => fail(new Failure(STUCK, "")), STUCK_MS);
    };

    request.open("POST", `/?${query({ ...options, name: file.name })}`);
    request.setRequestHeader("Content-Type", "application/zip");
    request.setRequestHeader("Accept", "application/x-brotli-compressed-tar, application/problem+json");
    if (token) request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.responseType = "blob";
    request.upload.onprogress = ({ loaded }) => {
      moved();
      seen.in = loaded;
      progress(seen);
    };
    // From here on the answer is read, and the server may take its time.
    request.upload.onload = () => clearTimeout(watch);
    request.onprogress = ({ loaded }) => {
      seen.out = loaded;
      if (request.status === 200) progress(seen);
    };
    // A request that fails forgets that its answer had begun.
    request.onreadystatechange = () => (seen.status = request.status || seen.status);
    request.onerror = () => settle(reject, brokenOff(seen));
    request.onload = () => finished(request).then(...[resolve, reject].map((act) => (value) => settle(act, value)));
    signal.addEventListener("abort", cancel);
    if (signal.aborted) return cancel();
    moved();
    request.send(file);
  });
}

/** Options as a query: a list repeats its name. */
export function query(options) {
  return new URLSearchParams(Object.entries(options).flatMap(([name, value]) => [value].flat().map((one) => [name, one])));
}

async function finished(request) {
  const { status, response: blob } = request;
  if (status !== 200) throw await problem(status, blob);
  return {
    blob,
    sha256: await digest(blob),
    quality: Number(request.getResponseHeader("Recompress-Quality")),
    lgwin: Number(request.getResponseHeader("Recompress-Lgwin")),
  };
}

/** The service's own words for a refusal (RFC 9457), or ours if the answer is not the service's. */
async function problem(status, blob) {
  const text = await blob.text();
  try {
    const { title, detail, code } = JSON.parse(text);
    return new Failure(code, detail, { title, isFinal: [400, 413, 415, 422].includes(status) });
  } catch {
    return new Failure("http", texts.http.detail(status));
  }
}

function brokenOff(seen) {
  if (seen.status === 200) return new Failure("broken_off", texts.broken_off.detail(seen.out));
  return new Failure("network", texts.network.detail(seen.in));
}

/** Undefined without https, where browsers have no digests. */
async function digest(blob) {
  if (!globalThis.crypto?.subtle) return undefined;
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
