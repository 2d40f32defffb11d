// Google's encoder in C as node has it, which is newer than most systems' `brotli`: standard input to standard output.
//
//     node c-brotli.mjs QUALITY LGWIN [META_BLOCK_BYTES]
//
// It gets the hints that our encoder gets: that the input is large, and, with META_BLOCK_BYTES, where a meta-block ends.

import { once } from "node:events";
import { constants, createBrotliCompress } from "node:zlib";

const [quality, lgwin, metaBlock] = process.argv.slice(2).map(Number);

const brotli = createBrotliCompress({
  chunkSize: 256 << 10,
  params: {
    [constants.BROTLI_PARAM_QUALITY]: quality,
    [constants.BROTLI_PARAM_LGWIN]: lgwin,
    [constants.BROTLI_PARAM_SIZE_HINT]: 1 << 30,
  },
});
brotli.pipe(process.stdout);

let left = metaBlock || Infinity;
for await (let piece of process.stdin) {
  while (piece.length > 0) {
    const part = piece.subarray(0, left);
    piece = piece.subarray(part.length);
    left -= part.length;
    if (!brotli.write(part)) await once(brotli, "drain");
    if (left === 0) {
      await new Promise((flushed) => brotli.flush(constants.BROTLI_OPERATION_FLUSH, flushed));
      left = metaBlock;
    }
  }
}
brotli.end();
