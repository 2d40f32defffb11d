// The same with fflate, which unzips in JavaScript and streams.

import { Unzip, UnzipInflate } from "fflate";

import { compressed } from "./brotli.js";
import { END, header, padding } from "./tar.js";

const PIECE = 64 << 10;

export default {
  async fetch(request) {
    return compressed(request, (write) => convert(request.body, write));
  },
};

async function convert(body, write) {
  let ready = []; // the output of the last push
  const unzip = new Unzip((file) => {
    // It tells no times.
    ready.push(header(file.name, file.originalSize, new Date(0)));
    file.ondata = (error, bytes, last) => {
      if (error) throw error;
      ready.push(bytes);
      if (last && file.originalSize % 512) ready.push(padding(file.originalSize));
    };
    file.start();
  });
  unzip.register(UnzipInflate);
  const reader = body.getReader({ mode: "byob" });
  for (let done = false; !done; ) {
    const { value, done: ended } = await reader.readAtLeast(PIECE, new Uint8Array(PIECE));
    done = ended;
    unzip.push(value ?? new Uint8Array(0), done);
    for (const bytes of ready) await write(bytes);
    ready = [];
  }
  await write(END);
}
