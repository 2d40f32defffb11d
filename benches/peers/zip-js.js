// The same with zip.js, which wants the whole upload first: it reads a zip from its end.

import { Uint8ArrayReader, ZipReader } from "@zip.js/zip.js";

import { compressed } from "./brotli.js";
import { END, header, padding } from "./tar.js";

export default {
  async fetch(request) {
    const upload = new Uint8Array(await request.arrayBuffer());
    return compressed(request, (write) => convert(upload, write));
  },
};

async function convert(upload, write) {
  // A Worker has no web workers to hand the inflating to.
  const reader = new ZipReader(new Uint8ArrayReader(upload), { useWebWorkers: false });
  for await (const entry of reader.getEntriesGenerator()) {
    await write(header(entry.filename, entry.uncompressedSize, entry.lastModDate));
    if (entry.directory) continue;
    await entry.getData(new WritableStream({ write }), { preventClose: false });
    if (entry.uncompressedSize % 512) await write(padding(entry.uncompressedSize));
  }
  await reader.close();
  await write(END);
}
