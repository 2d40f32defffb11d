// The most memory that the Worker's wasm comes to, for each quality and window, as a table: megabytes (10^6) of linear
// memory in a fresh workerd after one large stream, beside its reservation (without the share for the held part of the
// archive apart, since this one needs none of that).
//
//     node tools/memory.mjs [--mib N] [--quality N]... [--lgwin N]... [--stream adversarial|save|both]
//
// The default size is several times the largest window, and more changes nothing. Qualities 10 and 11 take minutes for
// each window; 300 MiB take hours.

import { parseArgs } from "node:util";

import { adversarial } from "../fixtures/adversarial.mjs";
import { save } from "../fixtures/hard.mjs";
import { health, request, reservation, startWorker, untilIdle } from "../tests/worker/harness.mjs";

const { values: options } = parseArgs({
  options: {
    mib: { type: "string", default: "48" },
    quality: { type: "string", multiple: true, default: Array.from({ length: 12 }, (_, quality) => String(quality)) },
    lgwin: { type: "string", multiple: true, default: ["16", "18", "20", "22", "23", "24"] },
    stream: { type: "string", default: "both" },
  },
});
const mib = Number(options.mib);

/** Milliseconds that no conversion takes. */
const ANY_TIME = 24 * 60 * 60 * 1000;

const streams = [];
if (options.stream !== "save") streams.push(adversarial({ mib }));
if (options.stream !== "adversarial") {
  const zip = await save({ mib });
  streams.push({ length: zip.length, chunks: () => [zip] });
}

/** Runs `measure` with a fresh Worker. */
async function fresh(measure) {
  const cleanUp = [];
  const { port } = await startWorker({ after: (task) => cleanUp.push(task) }, { vars: { RECOMPRESS_CPU_MS: String(ANY_TIME) } });
  try {
    return await measure(port);
  } finally {
    for (const task of cleanUp) await task();
  }
}

/** Linear memory after the stream. The answer is read and forgotten. */
async function peak(port, path, { length, chunks }) {
  const { status, error } = await request(port, { path, headers: { "content-length": length }, chunks: chunks(), patience: ANY_TIME });
  if (status !== 200 || error) throw error ?? new Error(`${path}: status ${status}`);
  await untilIdle(port);
  return (await health(port)).wasm_memory_bytes;
}

const mb = (bytes) => (bytes / 1e6).toFixed(1);

console.log(`| quality \\ lgwin | ${options.lgwin.join(" | ")} |`);
console.log(`| --- |${" --- |".repeat(options.lgwin.length)}`);
for (const quality of options.quality) {
  const cells = [];
  for (const lgwin of options.lgwin) {
    const path = `/?quality=${quality}&lgwin=${lgwin}`;
    const refused = await fresh((port) => request(port, { path, body: Buffer.from("?") }));
    if (refused.status === 422) {
      cells.push(JSON.parse(refused.body).code);
      continue;
    }
    const peaks = [];
    for (const stream of streams) peaks.push(await fresh((port) => peak(port, path, stream)));
    cells.push(`${mb(Math.max(...peaks))} / ${mb(await fresh((port) => reservation(port, path.slice(2))))}`);
  }
  console.log(`| ${quality} | ${cells.join(" | ")} |`);
}
