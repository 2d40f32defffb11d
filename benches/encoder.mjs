// The cost of the whole conversion next to that of its brotli encoder alone, on the same tarball, in workerd as well; and
// of the same encoder in C, as a JavaScript Worker would have it: the cost of wasm.
//
// The encoder alone is compiled from the same crate (peers/encoder), and its result must be the Worker's to the byte.

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";

import { build } from "esbuild";

import { request, root, startWorker } from "../tests/worker/harness.mjs";
import { cache } from "./cache.mjs";
import { metaBlock } from "./contenders.mjs";
import { corpus } from "./corpus.mjs";
import { cpuOfThreads } from "./measure.mjs";
import { median } from "./statistics.mjs";
import { convert, greet, ours } from "./workers.mjs";

/** Conversions beside the first that are not measured: of short ones just-in-time compilers want some. */
const WARM_UPS = 2;

/** Compiles the encoder alone; returns the folder of its Worker. */
async function compiled() {
  const target = join(cache, "encoder");
  const wasm32 = "wasm32-unknown-unknown";
  execFileSync("cargo", ["build", "--quiet", "--profile", "wasm", "--target", wasm32, "--target-dir", target], {
    cwd: join(root, "benches/peers/encoder"),
    stdio: "inherit",
    env: { ...process.env, RUSTFLAGS: "-C target-feature=+simd128 -C panic=unwind" },
  });
  const folder = join(cache, "peers/encoder");
  mkdirSync(folder, { recursive: true });
  await build({ entryPoints: [join(root, "benches/peers/encoder.js")], outfile: join(folder, "index.js"), bundle: true, format: "esm", external: ["node:*", "*.wasm"], logLevel: "error" });
  copyFileSync(join(target, wasm32, "wasm/encoder_alone.wasm"), join(folder, "encoder.wasm"));
  return folder;
}

/** Starts it in a workerd of its own. Resolves to a function that runs it, once the tarball is there. */
async function alone(t, folder, tarball) {
  const worker = await startWorker(t, { folder, flags: ["nodejs_compat"] });
  await request(worker.port, { method: "PUT", body: tarball });
  return async (query) => {
    const before = cpuOfThreads(worker.pid);
    const { status, body } = await request(worker.port, { path: `/?${query}`, patience: 60 * 60_000 });
    if (status !== 200) throw new Error(`${query}: status ${status}: ${body}`);
    return { cpu: cpuOfThreads(worker.pid) - before, body };
  };
}

export async function encoder(results, options) {
  const folder = await compiled();
  for (const name of ["save", "source", "json", "binary"]) {
    for (const quality of [9, 5]) {
      const { file } = await corpus(name, Number(name === "save" ? options["save-mib"] : options.mib));
      const measured = await measure(folder, readFileSync(file), quality, 22, Number(options.rounds));
      results.set("encoder", `${name}, quality ${quality}, lgwin 22`, { corpus: name, quality, lgwin: 22, ...measured });
      const ratio = (a, b) => median(measured[a].map((cpu, round) => cpu / measured[b][round])).toFixed(2);
      console.log(`${name}, quality ${quality}: whole ÷ encoder ${ratio("whole", "wasm")}, encoder in wasm ÷ in C ${ratio("wasm", "native")}`);
    }
  }
}

/** Each round has processes of its own: where their memory happens to lie makes up to 8 % of the encoder's time. */
async function measure(folder, body, quality, lgwin, rounds) {
  const measured = { whole: [], wasm: [], native: [] };
  for (let round = 0; round < rounds; round++) {
    const cleanUp = [];
    const t = { after: (task) => cleanUp.push(task) };
    try {
      const worker = await ours(t);
      await greet(worker);
      const path = worker.path(quality, lgwin);
      const { result } = await convert(worker, { body, path, keep: true });
      const encode = await alone(t, folder, brotliDecompressSync(result, { maxOutputLength: 2 ** 31 }));
      const query = (encoder) => `encoder=${encoder}&quality=${quality}&lgwin=${lgwin}&metablock=${metaBlock(quality, lgwin)}`;
      const { body: same } = await encode(`${query("wasm")}&keep`);
      if (!same.equals(result)) throw new Error(`the encoder alone gave ${same.length} bytes, the Worker ${result.length}: they are not driven alike`);
      const all = async () => ({
        whole: (await convert(worker, { body, path })).cpu,
        wasm: (await encode(query("wasm"))).cpu,
        native: (await encode(query("native"))).cpu,
      });
      for (let warmUp = 0; warmUp < WARM_UPS; warmUp++) await all();
      for (const [what, cpu] of Object.entries(await all())) measured[what].push(cpu);
    } finally {
      for (const task of cleanUp) await task();
    }
  }
  return measured;
}
