// A conversion in this browser, on a thread of its own. The thread is started before it is needed, so that it works offline
// later, and is used for one conversion after the other.

import { Failure } from "./failure.js";
import { claimScratchFile } from "./scratch_file.js";
import { texts } from "./texts.js";

/** The idle thread. Undefined while it is at work. */
let spare;

/** Starts the thread, which loads the converter. */
export function prepare() {
  spare ??= new Worker(new URL("./convert_worker.js", import.meta.url), { type: "module" });
}

/** Converts `file`; resolves to the result as a Blob, its digest, and the parameters in use. */
export async function convertHere(file, options, { signal, progress }) {
  prepare();
  const worker = spare;
  spare = undefined;
  const scratch = await claimScratchFile();
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
        reject(new Failure("load", texts.load.detail));
      };
      worker.postMessage({ file, ...options, scratch: scratch?.name });
    });
    spare ??= worker;
    return { ...result, release: () => scratch?.release() };
  } catch (failure) {
    // First the thread, which has the file open.
    worker.terminate();
    await scratch?.release();
    prepare();
    throw failure;
  }
}
