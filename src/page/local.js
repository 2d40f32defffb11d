// A conversion in this browser, on a thread of its own.

import { Failure } from "./failure.js";
import { claimPlace } from "./scratch_file.js";

/** Converts `file`; resolves to the result as a Blob, its digest, and with what it was compressed. */
export async function convertHere(file, { quality, lgwin }, { signal, progress }) {
  const place = await claimPlace();
  const worker = new Worker(new URL("./convert_worker.js", import.meta.url), { type: "module" });
  try {
    const result = await new Promise((resolve, reject) => {
      const cancel = () => reject(signal.reason);
      signal.addEventListener("abort", cancel);
      if (signal.aborted) cancel();
      worker.onmessage = ({ data }) => {
        if (data.seen) progress(data.seen);
        else if (data.result) resolve(data.result);
        else reject(new Failure(data.failure.code, data.failure.detail, data.failure));
      };
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Failure("browser", event.message || "the converter did not load"));
      };
      worker.postMessage({ file, quality, lgwin, place: place?.name });
    });
    return { ...result, release: () => place?.release() };
  } catch (failure) {
    // Before its file is removed, which it has open.
    worker.terminate();
    await place?.release();
    throw failure;
  } finally {
    worker.terminate();
  }
}
