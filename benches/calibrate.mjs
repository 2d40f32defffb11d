// Fits what a byte costs at each quality and window to measurements of the Worker in workerd, and writes the table that
// budgets are counted by. `make calibrate`
//
//     node benches/calibrate.mjs [--out FILE] [--mib N]
//
// The model is of src/work.rs: each * bytes + changed * min(output, bytes - output) + given * output, in picoseconds of
// CPU. The fit
// minimises the squares of relative errors, so that cheap data counts as much as dear, and those of estimates that are too
// low count a hundred times: they are the worse mistake. The last column of what is printed has the estimates for each of
// the corpora, as shares of what was measured.

import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { zipSync } from "fflate";

import { save } from "../fixtures/save.mjs";
import { noise, request, root, startWorker } from "../tests/worker/harness.mjs";
import { cpuOf } from "./measure.mjs";

const { values: options } = parseArgs({
  options: { out: { type: "string" }, mib: { type: "string", default: "6" } },
});
const QUALITIES = [...Array(12).keys()];
const WINDOWS = [16, 18, 20, 22, 24];

/** Of what people zip: text of a save, source code, a program, what is compressed already, and what repeats. */
async function corpora(mib) {
  const size = mib << 20;
  const scripts = readdirSync(join(root, "node_modules"), { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile() && /\.m?js$/.test(file.name))
    .map((file) => join(file.parentPath, file.name))
    .sort();
  const source = [];
  for (let length = 0; length < size && scripts.length; ) {
    const text = readFileSync(scripts.shift());
    source.push(text);
    length += text.length;
  }
  const members = {
    source: Buffer.concat(source).subarray(0, size),
    program: readFileSync(join(root, "node_modules/workerd/bin/workerd")).subarray(16 << 20, (16 << 20) + size),
    noise: noise(size),
    repetition: Buffer.alloc(size, noise(1000)),
  };
  const zips = Object.entries(members).map(([name, bytes]) => ({ name, bytes: bytes.length, zip: zipSync({ [name]: bytes }) }));
  return [{ name: "save", bytes: size, zip: await save({ mib }) }, ...zips];
}

/** CPU seconds of one conversion, of several if one is too short for the clock, and the length of its result. */
async function measure(worker, zip, quality, lgwin) {
  const path = `/?quality=${quality}&lgwin=${lgwin}`;
  const start = cpuOf(worker.pid);
  for (let count = 1; ; count++) {
    const { status, body, error } = await request(worker.port, { path, body: zip, patience: 600_000 });
    if (status !== 200 || error) throw error ?? new Error(`${path}: status ${status}: ${body}`);
    const cpu = cpuOf(worker.pid) - start;
    if (cpu > 0.2) return { cpu: cpu / count, given: body.length };
  }
}

const estimates = (costs, samples) => samples.map(({ bytes, cpu }) => bytes.reduce((sum, n, i) => sum + n * costs[i], 0) / cpu);

/** The costs, none below zero, with the least squares of weighted relative errors: by coordinate descent. */
function leastSquares(samples, weights, costs) {
  for (let round = 0; round < 2000; round++) {
    for (const i of costs.keys()) {
      const others = estimates(costs.with(i, 0), samples);
      const shares = samples.map(({ bytes, cpu }) => bytes[i] / cpu);
      const above = shares.reduce((sum, share, k) => sum + weights[k] * share * (1 - others[k]), 0);
      const below = shares.reduce((sum, share, k) => sum + weights[k] * share * share, 0);
      costs = costs.with(i, below > 0 ? Math.max(0, above / below) : 0);
    }
  }
  return costs;
}

/** Asymmetric least squares: too little weighs a hundred times as much as too much. */
function fit(samples) {
  let costs = leastSquares(samples, samples.map(() => 1), [0, 0, 0]);
  for (let round = 0; round < 10; round++) {
    costs = leastSquares(samples, estimates(costs, samples).map((ratio) => (ratio < 1 ? 100 : 1)), costs);
  }
  return costs;
}

const cleanUp = [];
const worker = await startWorker({ after: (task) => cleanUp.push(task) });
try {
  const [light, heavy] = [await corpora(Number(options.mib)), await corpora(2)];
  const rows = [];
  console.log("| quality | lgwin | ps a byte | a changed one | one of output | estimate ÷ measured: save, source, program, noise, repetition |");
  console.log("| --- | --- | --- | --- | --- | --- |");
  for (const quality of QUALITIES) {
    const row = [];
    for (const lgwin of WINDOWS) {
      // What the isolate has no room for is no request that can be made; the next smaller window stands in for it.
      if (quality > 9 && lgwin > 22) {
        row.push(row.at(-1));
        continue;
      }
      const samples = [];
      for (const { bytes, zip } of quality > 9 ? heavy : light) {
        const { cpu, given } = await measure(worker, zip, quality, lgwin);
        samples.push({ bytes: [bytes, Math.min(given, Math.max(0, bytes - given)), given], cpu: cpu * 1e12 });
      }
      const fitted = fit(samples);
      const ratios = estimates(fitted, samples);
      row.push(fitted.map(Math.round));
      const range = ratios.map((ratio) => ratio.toFixed(2)).join(" ");
      console.log(`| ${[quality, lgwin, ...row.at(-1), range].join(" | ")} |`);
    }
    rows.push(row);
  }
  if (options.out) {
    const lines = rows.map((row) => `    [${row.map((pair) => `(${pair.join(", ")})`).join(", ")}],\n`);
    writeFileSync(
      options.out,
      `//! Picoseconds for each byte, for each that is neither copied nor noise, and for each of output: by quality, and by lgwin up
//! to 16, 18, 20, 22 and 24. Written by \`make calibrate\`.

pub(super) const COST: [[(u64, u64, u64); 5]; 12] = [
${lines.join("")}];
`,
    );
  }
} finally {
  for (const task of cleanUp) await task();
}
