// Fits models of the cost and the result size of conversions to measurements in workerd: the table that budgets are
// counted by, and the one that /estimate goes by. `make calibrate`
//
//     node tools/calibrate.mjs [--data FILE] [--again] [--costs FILE] [--sizes FILE] [--mib N] [--only N,N --beside N]
//
// --data is where the measurements are written; with --again they are read from there, and nothing is measured. --costs and
// --sizes are the tables to write. Prints the errors of the estimates, on the data of the fit and on the benchmark's
// corpus, which is not part of the fit.
//
// --only measures the costs of these qualities beside those of another one, whose row of the table stays: each conversion at
// the one is followed by the same at the other, and the ratio counts. So a busy machine does not change the unit.
//
// The model of costs is of src/core/cost/cpu.rs: each * bytes + changed * min(output, bytes - output) + given * output, in
// picoseconds of CPU. The fit minimises the squares of relative errors, so that cheap data counts as much as dear, and
// those of estimates that are too low count a hundred times: they are the worse mistake.
//
// The model of sizes is of src/core/cost/size.rs: the logarithm of output ÷ zip is linear in three features. Its fit minimises
// the squares of the errors of that logarithm.

import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { zipSync } from "fflate";

import { save } from "../fixtures/hard.mjs";
import { converted, noise, request, root, startWorker } from "../tests/worker/harness.mjs";
import { corpus, names } from "../benches/corpus.mjs";
import { cpuOf } from "../benches/measure.mjs";

const { values: options } = parseArgs({
  options: {
    data: { type: "string" },
    again: { type: "boolean", default: false },
    costs: { type: "string" },
    sizes: { type: "string" },
    mib: { type: "string", default: "6" },
    only: { type: "string" },
    beside: { type: "string" },
  },
});
const QUALITIES = [...Array(12).keys()];
const WINDOWS = [16, 18, 20, 22, 24];
const MIB = 1 << 20;

/** Files of the installed packages with this ending, one after the other, up to `size` bytes in all. */
function texts(ending, size) {
  const files = readdirSync(join(root, "node_modules"), { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile() && file.name.endsWith(ending))
    .map((file) => join(file.parentPath, file.name))
    .sort();
  const found = [];
  for (let left = size; left > 0 && files.length; left -= found.at(-1).length) found.push(readFileSync(files.shift()).subarray(0, left));
  return found;
}

const program = (at, size) => readFileSync(join(root, "node_modules/workerd/bin/workerd")).subarray(at, at + size);
const zipped = (members) => Buffer.from(zipSync(Object.fromEntries(members)));
const pieces = (bytes, length) => Array.from({ length: Math.ceil(bytes.length / length) }, (_, i) => bytes.subarray(i * length, (i + 1) * length));

/** Common contents: a save, source code, a program, incompressible data, and repetition. */
async function forCosts(size) {
  const source = [...texts(".js", size), ...texts(".mjs", size)];
  const members = {
    source: Buffer.concat(source).subarray(0, size),
    program: program(16 * MIB, size),
    noise: noise(size),
    repetition: Buffer.alloc(size, noise(1000)),
  };
  return [["save", await save({ mib: size / MIB })], ...Object.entries(members).map(([name, bytes]) => [name, zipped([[name, bytes]])])];
}

/** More kinds and more sizes, since the effect of the window depends on both. */
async function forSizes(size) {
  const docs = texts(".md", size);
  const types = texts(".d.ts", size);
  const text = Buffer.concat(types);
  const members = {
    docs: [["docs", Buffer.concat(docs)]],
    types: [["types", text]],
    program: [["program", program(64 * MIB, size)]],
    noise: [["noise", noise(size)]],
    repetition: [["repetition", Buffer.alloc(size, noise(1000))]],
    mixed: [["mixed", Buffer.concat(pieces(text, 1 << 16).flatMap((piece, i) => [piece, noise(piece.length, i + 1)])).subarray(0, size)]],
    files: [...docs, ...types].map((bytes, i) => [`${i}.txt`, bytes]),
    crumbs: pieces(text, 300).map((bytes, i) => [`${i % 10}/${i}.txt`, bytes]),
  };
  const zips = Object.entries(members).map(([name, files]) => [name, zipped(files)]);
  return [["save", await save({ mib: size / MIB, seed: 2 })], ...zips];
}

/** The benchmark's corpus, which nothing is fitted to. */
async function forCheck(mib) {
  const zips = [];
  // 2 MiB is for the highest qualities, which are slow; the corpus `many` is never that small.
  for (const name of names.filter((name) => mib >= 10 || name !== "many")) zips.push([name, readFileSync((await corpus(name, mib)).file)]);
  return zips;
}

/** Members and unpacked bytes of a zip, by its directory. */
function contents(zip) {
  const end = zip.lastIndexOf("PK\x05\x06", undefined, "latin1");
  let [members, bytes] = [0, 0];
  for (let at = zip.readUInt32LE(end + 16); at < end; at += 46 + zip.readUInt16LE(at + 28) + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)) {
    members++;
    bytes += zip.readUInt32LE(at + 24);
  }
  return { members, unpacked: bytes };
}

/** CPU seconds of one conversion, of several if one is too short for the clock, and the length of its result. */
async function convert(worker, zip, quality, lgwin) {
  const path = `/?quality=${quality}&lgwin=${lgwin}`;
  const start = cpuOf(worker.pid);
  for (let count = 1; ; count++) {
    const { status, body, error } = await request(worker.port, { path, body: zip, patience: 600_000 });
    if (status !== 200 || error) throw error ?? new Error(`${path}: status ${status}: ${body}`);
    const cpu = cpuOf(worker.pid) - start;
    if (cpu > 0.2) return { cpu: cpu / count, output: body.length };
  }
}

/** The rows of some qualities, with the CPU that they would take if that of `beside` were what the table says. */
async function measureBeside(qualities, beside) {
  const cleanUp = [];
  const worker = await startWorker({ after: (task) => cleanUp.push(task) }, { vars: { RECOMPRESS_CPU_MS: "600000" } });
  const rows = [];
  try {
    for (const lgwin of WINDOWS) {
      for (const [name, zip] of await forCosts(Number(options.mib) * MIB)) {
        const seen = qualities.map(() => []);
        let sizes = [];
        for (let round = 0; round < 3; round++) {
          const other = await convert(worker, zip, beside, lgwin);
          for (const [i, quality] of qualities.entries()) {
            const { cpu, output } = await convert(worker, zip, quality, lgwin);
            seen[i].push(cpu / other.cpu);
            sizes[i] = output;
          }
          sizes.beside = other.output;
        }
        const costs = costsInUse()[beside][WINDOWS.indexOf(lgwin)];
        const unit = counted({ ...contents(zip), output: sizes.beside }).reduce((sum, n, i) => sum + n * costs[i], 0) / 1e9;
        for (const [i, quality] of qualities.entries()) {
          const ratio = seen[i].sort((a, b) => a - b)[1];
          rows.push({ set: "costs", name, ...contents(zip), zip: zip.length, quality, lgwin, output: sizes[i], cpu_ms: Math.round(unit * ratio) });
          console.error(`${name}, lgwin ${lgwin}, quality ${quality}: ${ratio.toFixed(2)} of the CPU at ${beside}`);
        }
      }
    }
    return rows;
  } finally {
    for (const task of cleanUp) await task();
  }
}

async function measure() {
  const cleanUp = [];
  const worker = await startWorker({ after: (task) => cleanUp.push(task) }, { vars: { RECOMPRESS_CPU_MS: "600000" } });
  try {
    const sets = [];
    for (const [light, size] of [[true, Number(options.mib) * MIB], [false, 2 * MIB]]) {
      sets.push({ set: "costs", light, windows: WINDOWS, zips: await forCosts(size) });
      for (const size of light ? [MIB / 8, MIB, 4 * MIB] : [MIB / 8, MIB]) sets.push({ set: "sizes", light, windows: WINDOWS, zips: await forSizes(size) });
      sets.push({ set: "check", light, windows: [18, 22], zips: await forCheck(light ? 10 : 2) });
    }
    const rows = [];
    for (const { set, light, windows, zips } of sets) {
      for (const quality of QUALITIES.filter((quality) => quality < 10 === light)) {
        // Leaves out requests that the isolate has no memory for.
        for (const lgwin of windows.filter((lgwin) => quality < 10 || lgwin <= (quality === 10 ? 22 : 20))) {
          for (const [name, zip] of zips) {
            // Sizes are the command line's too, which takes less time.
            const { cpu, output } =
              set === "sizes"
                ? { output: converted(zip, "--quality", quality, "--lgwin", lgwin).length }
                : await convert(worker, zip, quality, lgwin);
            rows.push({ set, name, ...contents(zip), zip: zip.length, quality, lgwin, output, cpu_ms: cpu === undefined ? "" : Math.round(cpu * 1000) });
          }
        }
        console.error(`${set}, quality ${quality}: measured`);
      }
    }
    return rows;
  } finally {
    for (const task of cleanUp) await task();
  }
}

// ---- the data, as a file ----

const COLUMNS = ["set", "name", "members", "unpacked", "zip", "quality", "lgwin", "output", "cpu_ms"];

function writeData(file, rows) {
  writeFileSync(file, [COLUMNS, ...rows.map((row) => COLUMNS.map((column) => row[column]))].map((cells) => `${cells.join(",")}\n`).join(""));
}

function readData(file) {
  const [columns, ...lines] = readFileSync(file, "utf8").trim().split("\n").map((line) => line.split(","));
  const cell = (column, text) => (column === "set" || column === "name" || text === "" ? text : Number(text));
  return lines.map((cells) => Object.fromEntries(columns.map((column, i) => [column, cell(column, cells[i])])));
}

// ---- costs ----

/** The counts of src/core/cost/cpu.rs for a row: bytes of the tarball, bytes neither copied nor incompressible, bytes of output. */
function counted({ unpacked, members, output }) {
  const tarball = unpacked + 768 * members;
  return [tarball, Math.min(output, Math.max(0, tarball - output)), output];
}

const ratios = (costs, samples) => samples.map(({ bytes, cpu }) => bytes.reduce((sum, n, i) => sum + n * costs[i], 0) / cpu);

/** The costs, none below zero, with the least squares of weighted relative errors: by coordinate descent. */
function leastCosts(samples, weights, costs) {
  for (let round = 0; round < 2000; round++) {
    for (const i of costs.keys()) {
      const others = ratios(costs.with(i, 0), samples);
      const shares = samples.map(({ bytes, cpu }) => bytes[i] / cpu);
      const above = shares.reduce((sum, share, k) => sum + weights[k] * share * (1 - others[k]), 0);
      const below = shares.reduce((sum, share, k) => sum + weights[k] * share * share, 0);
      costs = costs.with(i, below > 0 ? Math.max(0, above / below) : 0);
    }
  }
  return costs;
}

/** Asymmetric least squares: too little weighs a hundred times as much as too much. */
function fitCosts(rows) {
  const samples = rows.map((row) => ({ bytes: counted(row), cpu: row.cpu_ms * 1e9 }));
  let costs = leastCosts(samples, samples.map(() => 1), [0, 0, 0]);
  for (let round = 0; round < 10; round++) {
    costs = leastCosts(samples, ratios(costs, samples).map((ratio) => (ratio < 1 ? 100 : 1)), costs);
  }
  return costs.map(Math.round);
}

// ---- sizes ----

/** As in src/core/cost/size.rs. */
function features({ members, unpacked, zip, lgwin }) {
  const data = Math.max(zip - 108 * members, zip / 8);
  const saved = Math.max(0, Math.log(unpacked / data));
  const reach = Math.log(1 + Math.min(unpacked, 2 ** lgwin) / 65536);
  const parts = Math.log((1 + (32768 * members) / unpacked) / (1 + 32768 / unpacked));
  return { data, features: [Math.min(saved, 2.5) * reach, parts, Math.max(0, saved - 2.5) * reach] };
}

/** The coefficients with the least squares, by the normal equations. */
function fitSizes(rows) {
  const samples = rows.map((row) => ({ ...features(row), output: row.output }));
  const matrix = [0, 1, 2].map((i) => [
    ...[0, 1, 2].map((k) => samples.reduce((sum, { features }) => sum + features[i] * features[k], 0)),
    samples.reduce((sum, { features, data, output }) => sum + features[i] * Math.log(output / data), 0),
  ]);
  for (const i of [0, 1, 2]) {
    for (const k of [0, 1, 2].filter((k) => k !== i)) {
      const by = matrix[k][i] / matrix[i][i];
      matrix[k] = matrix[k].map((value, column) => value - by * matrix[i][column]);
    }
  }
  return [0, 1, 2].map((i) => matrix[i][3] / matrix[i][i]);
}

function estimatedSize(coefficients, row) {
  const { data, features: of } = features(row);
  return data * Math.exp(of.reduce((sum, feature, i) => sum + feature * coefficients[i], 0));
}

// ---- tables, errors ----

/** One fit for each quality and window. A window without measurements takes the fit of the next smaller one. */
function table(rows, fit) {
  return QUALITIES.map((quality) => {
    const row = [];
    for (const lgwin of WINDOWS) {
      const of = rows.filter((row) => row.quality === quality && row.lgwin === lgwin);
      row.push(of.length ? fit(of) : row.at(-1));
    }
    return row;
  });
}

function writeTable(file, doc, name, type, rows, text) {
  const lines = rows.map((row) => `    [${row.map((cells) => `(${cells.map(text).join(", ")})`).join(", ")}],\n`);
  writeFileSync(file, `//! ${doc} By quality, and by lgwin up to 16, 18, 20, 22 and 24.\n//! Written by \`make calibrate\`.\n\npub(super) const ${name}: [[(${type}, ${type}, ${type}); 5]; 12] = [\n${lines.join("")}];\n`);
}

/** The errors, as factors that an estimate is off by, how many are too much, and where the worst is. */
function errors(what, rows, estimate) {
  const off = rows
    .map((row) => ({ ...row, ratio: estimate(row) }))
    .sort((a, b) => Math.abs(Math.log(a.ratio)) - Math.abs(Math.log(b.ratio)));
  const factor = (ratio) => Math.exp(Math.abs(Math.log(ratio))).toFixed(2);
  const worst = off.at(-1);
  const where = `${worst.ratio < 1 ? "too little" : "too much"} for ${worst.name} at quality ${worst.quality}, lgwin ${worst.lgwin}`;
  const tooMuch = Math.round((100 * off.filter(({ ratio }) => ratio > 1).length) / off.length);
  console.log(`| ${what} | ${rows.length} | ${tooMuch} % | ${factor(off[off.length >> 1].ratio)} | ${factor(off[Math.floor(off.length * 0.9)].ratio)} | ${factor(worst.ratio)}, ${where} |`);
}

if (options.only) {
  const qualities = options.only.split(",").map(Number);
  const rows = await measureBeside(qualities, Number(options.beside));
  const costs = costsInUse();
  for (const quality of qualities) {
    costs[quality] = WINDOWS.map((lgwin) => fitCosts(rows.filter((row) => row.quality === quality && row.lgwin === lgwin)));
  }
  writeCosts(costs);
  process.exit();
}

const rows = options.again ? readData(options.data) : await measure();
if (options.data && !options.again) writeData(options.data, rows);
const of = (...sets) => rows.filter(({ set }) => sets.includes(set));
const column = (lgwin) => WINDOWS.indexOf(lgwin);

const costs = options.costs ? table(of("costs"), fitCosts) : costsInUse();
const sizes = table(of("costs", "sizes"), fitSizes);
if (options.costs) writeCosts(costs);
if (options.sizes) writeTable(options.sizes, "Coefficients of the output's size.", "SIZE", "f64", sizes, (number) => number.toFixed(4));

function writeCosts(costs) {
  const doc = "Picoseconds per input byte, per byte that is neither copied nor incompressible, and per output byte.";
  writeTable(options.costs, doc, "COST", "u64", costs, String);
}

/** The table as it is, where no other is written. */
function costsInUse() {
  const numbers = readFileSync(join(root, "src/core/cost/cpu/table.rs"), "utf8").split(" = [")[1].match(/\d+/g).map(Number);
  return QUALITIES.map((quality) => WINDOWS.map((_, i) => numbers.slice((quality * 5 + i) * 3, (quality * 5 + i) * 3 + 3)));
}

/** The cost of a member in src/core/cost/cpu.rs, in milliseconds. */
const MEMBER_MS = 0.006;

/** The CPU estimate of /estimate, from its estimated size. */
function estimatedCpu(row) {
  const bytes = counted({ ...row, output: estimatedSize(sizes[row.quality][column(row.lgwin)], row) });
  return bytes.reduce((sum, n, i) => sum + n * costs[row.quality][column(row.lgwin)][i], 0) / 1e9 + MEMBER_MS * row.members;
}

const timed = (rows) => rows.filter(({ cpu_ms }) => cpu_ms !== "");
console.log("| estimate | of | too much | median | nine of ten | worst |\n| --- | --- | --- | --- | --- | --- |");
const sizeRatio = (row) => estimatedSize(sizes[row.quality][column(row.lgwin)], row) / row.output;
const cpuRatio = (row) => estimatedCpu(row) / row.cpu_ms;
errors("size, fitted", of("costs", "sizes"), sizeRatio);
errors("size, benchmark", of("check"), sizeRatio);
errors("CPU, fitted", timed(of("costs")), cpuRatio);
errors("CPU, benchmark", timed(of("check")), cpuRatio);
