// The cost of a new isolate: from the start of workerd to its first answer, next to a Worker that does nothing.

import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { bundle, request, startWorker } from "../tests/worker/harness.mjs";
import { cache } from "./cache.mjs";
import { cpuOfThreads } from "./measure.mjs";

const ROUNDS = 15;

export async function start(results) {
  const folder = join(cache, "nothing");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "index.js"), 'export default { fetch: () => new Response("nothing") };\n');

  const contenders = { recompress: {}, nothing: { folder } };
  const measured = Object.fromEntries(Object.keys(contenders).map((name) => [name, { cpu: [], seconds: [] }]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, options] of Object.entries(contenders)) {
      const { cpu, seconds } = await firstAnswer(options);
      measured[name].cpu.push(Number(cpu.toFixed(4)));
      measured[name].seconds.push(Number(seconds.toFixed(4)));
    }
  }
  for (const [name, { cpu, seconds }] of Object.entries(measured)) {
    results.set("start", name, { cpu, seconds });
    console.log(`${name}: first answer after ${Math.min(...seconds)} s or more, ${Math.min(...cpu)} s of CPU or more`);
  }
  const wasm = readdirSync(bundle).filter((name) => name.endsWith(".wasm"));
  const bytes = wasm.map((name) => readFileSync(join(bundle, name)));
  results.set("start", "wasm", {
    bytes: bytes.reduce((sum, { length }) => sum + length, 0),
    gzipped: bytes.reduce((sum, module) => sum + gzipSync(module, { level: 9 }).length, 0),
  });
}

async function firstAnswer(options) {
  const cleanUp = [];
  try {
    const begin = performance.now();
    const { port, pid } = await startWorker({ after: (task) => cleanUp.push(task) }, options);
    await request(port, { method: "GET", path: "/health" });
    return { seconds: (performance.now() - begin) / 1000, cpu: cpuOfThreads(pid) };
  } finally {
    for (const task of cleanUp) await task();
  }
}
