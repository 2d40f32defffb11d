// A conversion in this browser, on a thread of its own. The thread is started before it is needed, so that it works offline
// later, and is used for one conversion after the other.

import { Failure } from "./failure.js";
import { claimScratchFile } from "./scratch_file.js";
import { texts } from "./texts.js";

/** The idle thread. Undefined while it is at work. */
let spare;

/** Starts the thread, which loads the converter. */
export function prepare() {
  if (spare) return;
  const worker = new Worker(new URL("./convert_worker.js", import.meta.url), { type: "module" });
  // Without a network it does not load. Then the next conversion tries again, or takes a thread that is idle by then.
  worker.onerror = (event) => {
    event.preventDefault();
    if (spare === worker) spare = undefined;
  };
  spare = worker;
}

/** The metadata of a save, read by the thread; null if `file` is no save. */
export function readMetadata(file) {
  prepare();
  const { port1, port2 } = new MessageChannel();
  spare.postMessage({ look: file }, [port2]);
  return new Promise((resolve) => (port1.onmessage = ({ data }) => resolve(data)));
}

/** Converts `file`; resolves to the result as a Blob, its digest, and the parameters in use. */
export async function convertHere(file, options, { signal, progress }) {
  prepare();
  const worker = spare;
  spare = undefined;
  const scratch = await claimScratchFile();
  const release = () => scratch?.release();
  const answer = answerOf(worker, progress);
  worker.postMessage({ file, options, scratch: scratch?.name });
  const cancelled = new Promise((_, reject) => {
    const cancel = () => reject(signal.reason);
    signal.addEventListener("abort", cancel);
    if (signal.aborted) cancel();
  });
  try {
    const result = await Promise.race([answer, cancelled]);
    rest(worker);
    return { ...result, release };
  } catch (failure) {
    // Not `terminate` alone: Chromium 156 crashes the page if it has to stop a thread in the middle of a long computation.
    if (signal.aborted) worker.postMessage({ cancel: true });
    const stopped = answer.catch(({ code }) => code).then(async (code) => {
      await release();
      // After a panic or without its files the thread is of no use.
      if (code === "browser" || code === "load") worker.terminate();
      else rest(worker);
    });
    if (signal.aborted) prepare();
    else await stopped;
    throw failure;
  }
}

/** Keeps an idle thread for the next conversion, unless there is one. */
function rest(worker) {
  if (spare) worker.terminate();
  else spare = worker;
}

/** Resolves to the result that the thread reports; rejects with the failure. */
function answerOf(worker, progress) {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => {
      if (data.seen) progress(data.seen);
      else if (data.result) resolve(data.result);
      else reject(new Failure(data.failure.code, data.failure.detail, data.failure));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Failure("load", texts.load.detail));
    };
  });
}
