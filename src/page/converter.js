// The thread of a conversion in this browser: from the file on the disk to another one, a piece at a time.

import { recompress } from "./recompress.js";
import { open } from "./place.js";

/** Milliseconds between two reports. */
const REPORT_MS = 60;

/** Bytes that are gathered before they become a part of a Blob, which the browser can move out of memory. */
const PART = 4 << 20;

onmessage = async ({ data: { file, quality, lgwin, place } }) => {
  try {
    const sink = (await onDisk(place)) ?? inParts();
    const seen = { in: 0, out: 0 };
    let reported = -Infinity;
    const counting = (which) =>
      new TransformStream({
        transform(chunk, controller) {
          seen[which] += chunk.byteLength;
          controller.enqueue(chunk);
          if (performance.now() - reported < REPORT_MS) return;
          reported = performance.now();
          postMessage({ seen });
        },
      });
    const conversion = recompress({ quality, lgwin, size: file.size });
    await file.stream().pipeThrough(counting("in")).pipeThrough(conversion).pipeThrough(counting("out")).pipeTo(sink.stream);
    postMessage({ seen });
    postMessage({ result: { blob: await sink.blob(), ...(await conversion.summary) } });
  } catch (error) {
    postMessage({ failure: failure(error) });
  }
};

function failure({ name, code, message }) {
  if (name === "RecompressError") return { code, detail: message, title: "The archive is refused" };
  if (name === "QuotaExceededError") return { code: "disk", detail: "there is no room for the result on this machine" };
  if (name === "NotReadableError" || name === "NotFoundError") return { code: "file", detail: "the zip can no longer be read: it was changed or removed" };
  if (name === "RangeError") return { code: "memory", detail: "there is not enough memory for this quality and window" };
  return { code: "browser", detail: `${name}: ${message}` };
}

/** A file of the page's own. */
async function onDisk(place) {
  const folder = place && (await open());
  if (!folder) return undefined;
  const entry = await folder.getFileHandle(place, { create: true });
  const handle = await entry.createSyncAccessHandle();
  const stream = new WritableStream({
    write(bytes) {
      for (let rest = bytes; rest.byteLength > 0; ) {
        const written = handle.write(rest);
        if (written === 0) throw new DOMException("nothing was written", "QuotaExceededError");
        rest = rest.subarray(written);
      }
    },
    close() {
      handle.flush();
      handle.close();
    },
    abort: () => handle.close(),
  });
  return { stream, blob: () => entry.getFile() };
}

function inParts() {
  const parts = [];
  let pieces = [];
  let length = 0;
  const gather = () => {
    parts.push(new Blob(pieces));
    pieces = [];
    length = 0;
  };
  const stream = new WritableStream({
    write(bytes) {
      pieces.push(bytes);
      length += bytes.byteLength;
      if (length >= PART) gather();
    },
    close: gather,
  });
  return { stream, blob: () => new Blob(parts) };
}
