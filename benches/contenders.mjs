// The contenders: recompress, and other ways to do the same.
//
// Each has a name, and `start`, which resolves to `convert(file, quality, lgwin, options)`. A Worker is started again for
// every cell of a table, so that each file meets a fresh heap.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { recompress, root } from "../tests/worker/harness.mjs";
import { cache } from "./cache.mjs";
import { MEASURED, run } from "./shell.mjs";
import { convert, greet, ours, peer } from "./workers.mjs";

const NODE = `'${process.execPath}'`;
const C_BROTLI = `${MEASURED} ${NODE} '${join(root, "benches/peers/c-brotli.mjs")}'`;
const BSDTAR = `${MEASURED} bsdtar --format ustar -cf -`;

function worker(name, started) {
  return {
    name,
    worker: true,
    async start(t) {
      const one = await started(t);
      await greet(one);
      return (file, quality, lgwin, options) => convert(one, { body: readFileSync(file), path: one.path(quality, lgwin), ...options });
    },
  };
}

function shell(name, line, { inTurn = false } = {}) {
  return {
    name,
    worker: false,
    async start(t) {
      const folder = mkdtempSync(join(tmpdir(), "recompress-bench-"));
      t.after(() => rmSync(folder, { recursive: true, force: true }));
      return (file, quality, lgwin, options) => run(line({ file, quality, lgwin, folder }), { inTurn, ...options });
    },
  };
}

/** The twenty lines of Rust, compiled when they are needed first. */
let article = () => {
  const target = join(cache, "article");
  execFileSync("cargo", ["build", "--quiet", "--release", "--target-dir", target], {
    cwd: join(root, "benches/peers/article"),
    stdio: "inherit",
    // The wasm's compiler may be another one.
    env: { ...process.env, RUSTC: undefined },
  });
  const program = join(target, "release/article");
  article = () => program;
  return program;
};

/** Bytes of the tarball after which our encoder ends a meta-block (src/core/encode/brotli.rs). */
export const metaBlock = (quality, lgwin) => (lgwin > 22 || (lgwin > 20 && quality > 9) ? 1 << 20 : 2 << 20);

export const OURS = "recompress, Worker";
export const COMMAND_LINE = "recompress, command line";
export const PIPELINE = "bsdtar | brotli";
export const HINTED = "bsdtar | C brotli 1.2, driven as ours";
export const PLATFORM = "DecompressionStream + node:zlib, Worker";
export const ZIP_JS = "zip.js + node:zlib, Worker";

export const contenders = [
  worker(OURS, (t) => ours(t)),
  shell(COMMAND_LINE, ({ file, quality, lgwin }) => `${MEASURED} '${recompress}' -q ${quality} -w ${lgwin} '${file}' -o -`),
  shell(PIPELINE, ({ file, quality, lgwin }) => `${BSDTAR} '@${file}' | ${MEASURED} brotli -c -q ${quality} -w ${lgwin}`),
  shell(HINTED, ({ file, quality, lgwin }) => `${BSDTAR} '@${file}' | ${C_BROTLI} ${quality} ${lgwin} ${metaBlock(quality, lgwin)}`),
  shell(
    "unzip, tar, brotli",
    ({ file, quality, lgwin, folder }) =>
      `rm -rf '${folder}'/*; ${MEASURED} unzip -q -d '${folder}/files' '${file}'; ${MEASURED} tar --format ustar -C '${folder}/files' -cf '${folder}/tar' .; ${MEASURED} brotli -c -q ${quality} -w ${lgwin} '${folder}/tar'`,
    { inTurn: true },
  ),
  shell("zip, tar, brotli crates", ({ file, quality, lgwin }) => `${MEASURED} '${article()}' '${file}' ${quality} ${lgwin}`),
  worker(PLATFORM, (t) => peer(t, "decompression-stream")),
  worker("fflate + node:zlib, Worker", (t) => peer(t, "fflate")),
  worker(ZIP_JS, (t) => peer(t, "zip-js")),
];
