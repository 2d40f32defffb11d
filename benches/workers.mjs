// A contender that is a Worker: ours, or a peer in JavaScript, each in a workerd of its own.

import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { build } from "esbuild";
import { zipSync } from "fflate";

import { health, open, root, startWorker, untilIdle } from "../tests/worker/harness.mjs";
import { cache } from "./cache.mjs";
import { cpuOfThreads, forgetPeak, memoryOf } from "./measure.mjs";

const PATIENCE_MS = 60 * 60_000;

/** Starts our Worker, with CPU for any conversion. */
export async function ours(t, options = {}) {
  const worker = await startWorker(t, { vars: { RECOMPRESS_CPU_MS: 100_000_000 }, ...options });
  return { ...worker, path: (quality, lgwin) => `/?quality=${quality}&lgwin=${lgwin}`, wasmBytes: async () => (await health(worker.port)).wasm_memory_bytes, idle: () => untilIdle(worker.port) };
}

/** Starts a peer out of `benches/peers/`. */
export async function peer(t, name, options = {}) {
  const folder = join(cache, "peers", name);
  mkdirSync(folder, { recursive: true });
  await build({
    entryPoints: [join(root, `benches/peers/${name}.js`)],
    outfile: join(folder, "index.js"),
    bundle: true,
    format: "esm",
    external: ["node:*"],
    logLevel: "error",
  });
  const worker = await startWorker(t, { folder, flags: ["nodejs_compat"], ...options });
  return { ...worker, path: (quality, lgwin) => `/?quality=${quality}&lgwin=${lgwin}`, idle: async () => {} };
}

/**
 * One conversion. Resolves to its cost, and to its result if asked.
 *
 * Seconds of CPU are those of the whole process, reading the request and writing the answer included; those to the first
 * byte are the clock's.
 */
export async function convert(worker, { body, chunks, length, path, headers: extra, keep = false }) {
  const before = { cpu: cpuOfThreads(worker.pid), time: performance.now(), memory: memoryOf(worker.pid).now };
  forgetPeak(worker.pid);
  const outgoing = open(worker.port, { path, headers: { "content-length": body?.length ?? length, ...extra }, patience: PATIENCE_MS });
  const parts = [];
  let bytes = 0;
  let firstByte;
  const answered = new Promise((resolve, reject) => {
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      incoming.on("error", reject);
      incoming.on("data", (part) => {
        firstByte ??= (performance.now() - before.time) / 1000;
        bytes += part.length;
        if (keep || incoming.statusCode !== 200) parts.push(part);
      });
      incoming.on("end", () => resolve(incoming));
    });
  });
  answered.catch(() => {});
  for (const chunk of chunks ?? []) if (!outgoing.write(chunk)) await Promise.race([new Promise((resolve) => outgoing.once("drain", resolve)), answered]);
  outgoing.end(body);
  const { statusCode, headers } = await answered;
  if (statusCode !== 200) throw new Error(`${path}: status ${statusCode}: ${Buffer.concat(parts).subarray(0, 1000)}`);
  await worker.idle();
  const { peak } = memoryOf(worker.pid);
  return {
    cpu: cpuOfThreads(worker.pid) - before.cpu,
    firstByte,
    bytes,
    peak,
    memory: peak - before.memory,
    wasmBytes: await worker.wasmBytes?.(),
    quality: headers["recompress-quality"],
    result: keep ? Buffer.concat(parts) : undefined,
  };
}

/** Brings a new Worker to where it has answered once. */
export async function greet(worker) {
  await convert(worker, { body: GREETING, path: worker.path(2, 16) });
}

const GREETING = Buffer.from(zipSync({ greeting: Buffer.from("hello") }, { mtime: new Date(2020, 1, 29) }));
