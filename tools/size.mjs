// The size of the Worker's wasm, and the share of each crate. `make size`
//
//     node tools/size.mjs [--write]
//
// Fails when the wasm, gzipped as it is uploaded, is larger than LIMIT, or larger than the accepted size in size.json by
// more than the allowance there. `--write` accepts the size as it is and resets the allowance.
//
// The linker's map says which crate a function is from. Generic code counts for the crate that wrote it. The gzipped size
// of a part is measured on that part alone; the parts compress better together, so they add up to more than the whole.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";

import { bundle, root } from "../tests/worker/harness.mjs";

/** Bytes, gzipped. The platform accepts more, but loads a Worker anew all day. */
const LIMIT = 1_000_000;

/** Bytes that a change may add without a word. */
const ALLOWANCE = 2000;

const { values: options } = parseArgs({ options: { write: { type: "boolean", default: false } } });
const accepted = join(root, "tools/size.json");
const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");

const gzipped = (bytes) => gzipSync(bytes, { level: 9 }).length;

/** The crate of a mangled symbol, in the old mangling or the new; undefined for other symbols. */
function crate(symbol) {
  const legacy = symbol.match(/^_ZN(\d+)(.*)/);
  if (legacy) return legacy[2].slice(0, Number(legacy[1])).match(/[a-z]\w+(?=\.\.|$)/i)?.[0];
  const [, length, rest] = symbol.match(/^_R.*?C(?:s[0-9A-Za-z]*_)?(\d+)_?(.*)/) ?? [];
  return rest?.slice(0, Number(length));
}

/** The bytes of `wasm` by part: the code of each crate, the data of each crate. `map` is the linker's, of the same file. */
function parts(wasm, map) {
  const pieces = new Map();
  const seen = new Set();
  let section;
  for (const line of map.split("\n")) {
    section = line.match(/^ +- +[0-9a-f]+ +[0-9a-f]+ ([A-Z]+)$/)?.[1] ?? section;
    const [, offset, size, symbol] = line.match(/^ *(?:-|[0-9a-f]+) +([0-9a-f]+) +([0-9a-f]+) {17}(\S+)$/) ?? [];
    // Functions with the same code share their offset.
    if (!["CODE", "DATA"].includes(section) || !symbol || seen.has(offset)) continue;
    seen.add(offset);
    const name = `${section.toLowerCase()} of ${crate(symbol) ?? "no crate"}`;
    const start = parseInt(offset, 16);
    pieces.set(name, [...(pieces.get(name) ?? []), wasm.subarray(start, start + parseInt(size, 16))]);
  }
  return [...pieces].map(([name, pieces]) => [name, Buffer.concat(pieces)]);
}

/** Bytes of each part: raw and gzipped. Empty if the linker's last map is not the Worker's. */
function partSizes() {
  const [linked, map] = [join(target, "wasm32-unknown-unknown/wasm/recompress_worker.wasm"), join(root, ".tools/wasm.map")];
  if (![linked, map].every(existsSync)) return {};
  const text = readFileSync(map, "utf8");
  if (!text.includes("worker_fetch")) return {};
  const sizes = parts(readFileSync(linked), text).map(([name, bytes]) => [name, [bytes.length, gzipped(bytes)]]);
  return Object.fromEntries(sizes.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const wasm = readFileSync(join(bundle, "index_bg.wasm"));
const now = { gzipped: gzipped(wasm), bytes: wasm.length, parts: partSizes() };
const before = existsSync(accepted) ? JSON.parse(readFileSync(accepted)) : { gzipped: 0, bytes: 0, allowance: 0, parts: {} };

const change = (now, before = 0) => (now === before ? "–" : `${now > before ? "+" : ""}${now - before}`);
console.log("| part of the Worker's wasm | bytes | change | gzipped | change |\n| --- | --- | --- | --- | --- |");
const row = (name, [bytes, gzip], [bytesBefore, gzipBefore] = []) =>
  console.log(`| ${name} | ${bytes} | ${change(bytes, bytesBefore)} | ${gzip} | ${change(gzip, gzipBefore)} |`);
row("all", [now.bytes, now.gzipped], [before.bytes, before.gzipped]);
const worthALine = ([name, [bytes, gzip]]) => bytes >= 5000 || Math.abs(gzip - (before.parts[name]?.[1] ?? 0)) >= 500;
const sorted = Object.entries(now.parts).sort(([, [, a]], [, [, b]]) => b - a);
for (const [name, sizes] of sorted.filter(worthALine)) row(name, sizes, before.parts[name]);

if (options.write) writeFileSync(accepted, `${JSON.stringify({ allowance: ALLOWANCE, ...now }, null, 1).replace(/\[\n\s+(\d+),\n\s+(\d+)\n\s+\]/g, "[$1, $2]")}\n`);
else if (now.gzipped > before.gzipped + before.allowance) {
  console.error(
    `\nThe Worker's wasm is ${now.gzipped} bytes gzipped: ${now.gzipped - before.gzipped} more than the ${before.gzipped} that tools/size.json accepts, and a change may add ${before.allowance}.\n` +
      `Make it smaller, or raise "allowance" in tools/size.json in the commit that needs the bytes. \`make size ARGS=--write\` accepts the new size.`,
  );
  process.exitCode = 1;
}
if (now.gzipped > LIMIT) {
  console.error(`\nThe Worker's wasm is ${now.gzipped} bytes gzipped. The limit is ${LIMIT}.`);
  process.exitCode = 1;
}
