// The thread of a conversion in this browser: from the file on the disk to another one, a piece at a time.

import { recompress } from "./recompress.js";
import { open } from "./scratch_file.js";

/** Milliseconds between two reports. */
const REPORT_MS = 60;

/** Bytes of the zip that are read at once. */
const PIECE = 256 << 10;

/** Bytes that are gathered before they become a part of a Blob, which the browser can move out of memory. */
const PART = 4 << 20;

onmessage = async ({ data: { file, quality, lgwin, place } }) => {
  try {
    const sink = (await onDisk(place)) ?? inParts();
    const seen = { in: 0, out: 0 };
    let reported = -Infinity;
    const count = (which, bytes) => {
      seen[which] += bytes;
      if (performance.now() - reported < REPORT_MS) return;
      reported = performance.now();
      postMessage({ seen });
    };
    const conversion = recompress({ quality, lgwin, size: file.size });
    const counting = new TransformStream({
      transform(bytes, controller) {
        count("out", bytes.byteLength);
        controller.enqueue(bytes);
      },
    });
    await pieces(file, (bytes) => count("in", bytes)).pipeThrough(conversion).pipeThrough(counting).pipeTo(sink.stream);
    postMessage({ seen });
    postMessage({ result: { blob: await sink.blob(), ...(await conversion.summary) } });
  } catch (error) {
    postMessage({ failure: failure(error) });
  }
};

/** The file from its start, read as it is asked for. `File.stream` has pieces of 2 MB, after which progress would jump. */
function pieces(file, count) {
  let at = 0;
  return new ReadableStream(
    {
      async pull(controller) {
        const bytes = new Uint8Array(await file.slice(at, at + PIECE).arrayBuffer());
        if (bytes.length === 0) return controller.close();
        at += bytes.length;
        count(bytes.length);
        controller.enqueue(bytes);
      },
    },
    { highWaterMark: 0 },
  );
}

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
