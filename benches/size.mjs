// What the Worker's wasm weighs, and what of it grew since that was written down last. Fails when all of it, gzipped as it
// is uploaded, is more than a platform that starts it anew all day should load. `make size`
//
//     node benches/size.mjs [--write]
//
// The linker's map says which crate a function is of. Generic code counts for the crate that wrote it.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";

import { root } from "../tests/worker/harness.mjs";

const MOST_GZIPPED = 700_000;

const { values: options } = parseArgs({ options: { write: { type: "boolean", default: false } } });
const bundle = process.env.WORKER_BUNDLE ?? join(root, "build");
const noted = join(root, "benches/size.json");

/** Bytes of each section of a wasm. */
function sections(wasm) {
  const names = { 7: "exports", 9: "tables", 10: "code", 11: "data" };
  const sizes = {};
  for (let at = 8; at < wasm.length; ) {
    const id = wasm[at++];
    let length = 0;
    for (let shift = 0, more = true; more; shift += 7) {
      length |= (wasm[at] & 127) << shift;
      more = wasm[at++] > 127;
    }
    const name = names[id] ?? "other sections";
    sizes[name] = (sizes[name] ?? 0) + length;
    at += length;
  }
  return sizes;
}

/** The crate of a symbol, mangled the old way or the new; of what is mangled in no way, nothing. */
function crate(symbol) {
  const legacy = symbol.match(/^_ZN(\d+)(.*)/);
  if (legacy) return legacy[2].slice(0, Number(legacy[1])).match(/[a-z]\w+(?=\.\.|$)/i)?.[0];
  const [, length, rest] = symbol.match(/^_R.*?C(?:s[0-9A-Za-z]*_)?(\d+)_?(.*)/) ?? [];
  return rest?.slice(0, Number(length));
}

/** Bytes of code by crate, where the linker's last map is of the Worker. */
function crates(map) {
  const sizes = {};
  if (!map.includes("worker_fetch")) return sizes;
  let inCode = false;
  const seen = new Set();
  for (const line of map.split("\n")) {
    const section = line.match(/^ +- +[0-9a-f]+ +[0-9a-f]+ ([A-Z]+)$/);
    if (section) inCode = section[1] === "CODE";
    const [, offset, size, symbol] = line.match(/^ +- +([0-9a-f]+) +([0-9a-f]+) {17}(\S+)$/) ?? [];
    // Two of the same code stand at the same place.
    if (!inCode || !symbol || seen.has(offset)) continue;
    seen.add(offset);
    const name = `code of ${crate(symbol) ?? "the rest"}`;
    sizes[name] = (sizes[name] ?? 0) + parseInt(size, 16);
  }
  return sizes;
}

const wasm = readFileSync(join(bundle, "index_bg.wasm"));
const map = join(root, ".tools/wasm.map");
const gzipped = gzipSync(wasm, { level: 9 }).length;
const sizes = { "all, gzipped": gzipped, all: wasm.length, ...sections(wasm), ...(existsSync(map) ? crates(readFileSync(map, "utf8")) : {}) };
if (options.write) writeFileSync(noted, JSON.stringify(sizes, null, 1) + "\n");

const before = JSON.parse(readFileSync(noted));
const worthALine = ([name, size]) => size >= 10_000 || Math.abs(size - (before[name] ?? 0)) >= 1000;
console.log("| bytes of the Worker's wasm | now | since noted |\n| --- | --- | --- |");
for (const [name, size] of Object.entries(sizes).filter(worthALine)) {
  const change = size - (before[name] ?? 0);
  console.log(`| ${name} | ${size} | ${change > 0 ? "+" : ""}${change || "–"} |`);
}
if (gzipped > MOST_GZIPPED) {
  console.error(`${gzipped} bytes are more than the ${MOST_GZIPPED} that it may have`);
  process.exitCode = 1;
}
