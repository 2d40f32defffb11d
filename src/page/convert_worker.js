// The thread of a conversion in this browser: it reads one file piece by piece and writes another.

import { inParts } from "./parts.js";
import { init, json, metadata, recompress } from "./recompress.js";
import { openFolder } from "./scratch_file.js";
import { texts } from "./texts.js";

/** Milliseconds between two reports. */
const REPORT_MS = 60;

/** Bytes of the zip that are read at once. */
const PIECE = 256 << 10;

// Before it is needed, while there is a network. A failure is reported by the conversion that needs it.
init().catch(() => {});

/** Stops the conversion at work. */
let stop = new AbortController();

onmessage = async ({ data: { file, scratch, options, cancel, look }, ports: [port] }) => {
  if (cancel) return stop.abort();
  if (look) return port.postMessage(await metadata(look).catch(() => null));
  stop = new AbortController();
  try {
    const sink = (await onDisk(scratch)) ?? inParts();
    const seen = { in: 0, out: 0 };
    let part = () => undefined;
    let reported = -Infinity;
    const count = (which, bytes) => {
      seen[which] += bytes;
      if (performance.now() - reported < REPORT_MS) return;
      reported = performance.now();
      postMessage({ seen: { ...seen, part: part() } });
    };
    const input = pieces(file, (bytes) => count("in", bytes));
    const made = options.isJson ? { result: json(input, { name: file.name }) } : tarball(input, { ...options, file });
    const { result, summary } = made;
    part = made.part ?? part;
    const counting = new TransformStream({
      transform(bytes, controller) {
        count("out", bytes.byteLength);
        controller.enqueue(bytes);
      },
    });
    await result.pipeThrough(counting).pipeTo(sink.stream, { signal: stop.signal });
    postMessage({ seen });
    postMessage({ result: { blob: await sink.blob(), ...(await summary) } });
  } catch (error) {
    postMessage({ failure: failure(error) });
  }
};

function tarball(input, options) {
  const conversion = recompress(options);
  return { result: input.pipeThrough(conversion), summary: conversion.summary, part: conversion.part };
}

/** The file from its start, read as it is asked for. `File.stream` has pieces of 2 MB, so progress would jump. */
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
  if (name === "RecompressError") return { code, detail: message, title: texts.refusedTitle, isFinal: true };
  if (name === "AbortError") return { code: "cancelled", detail: "" };
  if (name === "QuotaExceededError") return { code: "disk", detail: texts.disk.detail };
  if (name === "NotReadableError" || name === "NotFoundError") return { code: "file", detail: texts.file.detail };
  if (name === "RangeError") return { code: "memory", detail: texts.memory.detail };
  return { code: "browser", detail: texts.browser.detail(`${name}: ${message}`) };
}

/** A file that belongs to the page. */
async function onDisk(name) {
  const folder = name && (await openFolder());
  if (!folder) return undefined;
  const entry = await folder.getFileHandle(name, { create: true });
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
