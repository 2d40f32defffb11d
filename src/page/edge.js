// A conversion by the service: the zip is sent, the tarball comes back.

import { Failure } from "./failure.js";

/** How long an upload may stand still, in ms, before it is taken for stuck. */
const STUCK_MS = 20_000;

/** Why an upload that stands still was given up; what was asked for can be done in the browser instead. */
export const STUCK = "stuck";

/**
 * Converts `file`; resolves to the result as a Blob, its digest, and with what it was compressed.
 *
 * Not `fetch`: only XMLHttpRequest tells how much was sent. That it keeps the answer in memory is right for as much as is
 * sent to the edge.
 */
export function convertOnEdge(file, { quality, lgwin }, { signal, progress }) {
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
      watch = setTimeout(() => fail(new Failure(STUCK, "the upload stands still")), STUCK_MS);
    };

    const query = new URLSearchParams({ quality, lgwin, name: file.name });
    request.open("POST", `/?${query}`);
    request.setRequestHeader("Content-Type", "application/zip");
    request.setRequestHeader("Accept", "application/x-brotli-compressed-tar, application/problem+json");
    request.responseType = "blob";
    request.upload.onprogress = ({ loaded }) => {
      moved();
      seen.in = loaded;
      progress(seen);
    };
    // From here on the answer is read, and an edge that computes may take its time.
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

/** What the service says of a refusal (RFC 9457), or what stands in its place. */
async function problem(status, blob) {
  const text = await blob.text();
  try {
    const { title, detail, code } = JSON.parse(text);
    return new Failure(code, detail, { title, isFinal: [400, 413, 415, 422].includes(status) });
  } catch {
    return new Failure("http", `the service answered with status ${status}`);
  }
}

function brokenOff(seen) {
  if (seen.status === 200) {
    return new Failure("broken_off", `the service broke off its answer after ${seen.out} bytes: the archive is broken, and this browser can say where`);
  }
  return new Failure("network", `the connection failed after ${seen.in} bytes were sent`);
}

/** Not without https, where browsers have no digests. */
async function digest(blob) {
  if (!globalThis.crypto?.subtle) return undefined;
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
