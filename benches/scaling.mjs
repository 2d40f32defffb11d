// CPU and memory as the input grows: to a gigabyte, in one member and in several, and to 65,000 members.

import { constants, deflateRawSync } from "node:zlib";

import { PLATFORM } from "./contenders.mjs";
import { large, repeated } from "./large.mjs";
import { memoryOf } from "./measure.mjs";
import { convert, greet, ours, peer } from "./workers.mjs";

const LGWIN = 22;
/** MiB of text. */
const SIZES = [1, 2, 4, 8, 16, 64, 256, 954];
/** Without zip64, which only a greater number would need, 65,535 are the most. */
const MEMBERS = [100, 1_000, 10_000, 65_000];

/** Measures sizes up to `largest` MiB, each in a fresh workerd that has converted a little before. */
export async function scaling(results, { largest }) {
  const sizes = SIZES.filter((mib) => mib <= Number(largest));
  const series = [
    { name: "quality 5, one member", quality: 5, archive: (mib) => large(mib), steps: sizes },
    { name: "quality 2, one member", quality: 2, archive: (mib) => large(mib), steps: sizes },
    { name: "quality 5, members of 16 MiB", quality: 5, archive: (mib) => large(mib, { members: Math.ceil(mib / 16) }), steps: sizes },
    { name: `quality 5, one member, ${PLATFORM}`, quality: 5, archive: (mib) => large(mib), steps: sizes, start: (t) => peer(t, "decompression-stream") },
    { name: "quality 5, members of 300 bytes", quality: 5, archive: small, steps: MEMBERS },
  ];
  const warmUp = await large(8);
  for (const { name, quality, archive, steps, start = ours } of series) {
    const points = [];
    for (const step of steps) {
      const zip = await archive(step);
      const cleanUp = [];
      try {
        const worker = await start({ after: (task) => cleanUp.push(task) });
        await greet(worker);
        const { now: idle } = memoryOf(worker.pid);
        const path = worker.path(quality, LGWIN);
        for (let round = 0; round < 2; round++) await convert(worker, { chunks: warmUp.chunks(), length: warmUp.length, path });
        // Several runs where one is too short for the clock.
        const runs = [];
        do runs.push(await convert(worker, { chunks: zip.chunks(), length: zip.length, path }));
        while (sum(runs) < 0.5);
        const { bytes, wasmBytes } = runs[0];
        const cpu = sum(runs) / runs.length;
        const memory = Math.max(...runs.map(({ peak }) => peak)) - idle;
        points.push({ step, unpacked: zip.unpacked, upload: zip.length, cpu: Number(cpu.toFixed(4)), bytes, memory, wasmBytes });
        console.log(`${name}: ${(zip.unpacked / 1e6).toFixed(1)} MB, ${cpu.toFixed(3)} s of CPU, ${wasmBytes} bytes of wasm, ${(memory / 1e6).toFixed(0)} MB more in memory`);
      } finally {
        for (const task of cleanUp) await task();
      }
      results.set("scaling", name, points);
    }
  }
}

const sum = (runs) => runs.reduce((total, { cpu }) => total + cpu, 0);

/** Small members, all alike but for the name. */
async function small(count) {
  const text = Buffer.from(Array.from({ length: 300 }, (_, index) => 32 + ((index * index * 7919) % 89)));
  return repeated({ text, deflated: deflateRawSync(text, { finishFlush: constants.Z_FULL_FLUSH }) }, { count, copies: 1 });
}
