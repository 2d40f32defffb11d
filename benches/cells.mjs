// The cells of the table: a file, a quality and a window, at which every contender converts in every round.
//
// Other load on the machine affects all contenders of a round, so ratios are taken within rounds. The first contender changes from
// round to round. Before the first, each converts once unmeasured, as the just-in-time compilers of a new workerd want
// it; that result is unpacked, and everyone's must hold the same members.

import { OURS } from "./contenders.mjs";
import { digest } from "./tarball.mjs";

/** Measures one cell. Resolves to the cost for each contender, an array with a number for each round. */
export async function cell({ file, quality, lgwin, rounds, patience, contenders }) {
  const cleanUp = [];
  const t = { after: (task) => cleanUp.push(task) };
  try {
    const running = [];
    let expected;
    for (const { name, start, worker } of contenders) {
      const convert = await start(t);
      const first = await convert(file, quality, lgwin, { keep: true });
      if (name === OURS) quality = first.quality ?? quality;
      const found = digest(first.result);
      expected ??= found;
      if (found.sha256 !== expected.sha256) throw new Error(`${name} made another tarball: ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`);
      const slow = first.cpu > patience;
      const row = { cpu: slow ? [first.cpu] : [], firstByte: slow ? [first.firstByte] : [], bytes: first.bytes, memory: first.memory, wasmBytes: first.wasmBytes };
      // A workerd's heap keeps memory of earlier conversions, so the first one counts; it also starts cold.
      if (worker) row.coldCpu = first.cpu;
      running.push({ name, convert, row, slow });
    }
    for (let round = 0; round < rounds; round++) {
      for (const { convert, row } of rotated(running.filter(({ slow }) => !slow), round)) {
        const { cpu, firstByte } = await convert(file, quality, lgwin);
        row.cpu.push(rounded(cpu));
        row.firstByte.push(rounded(firstByte));
      }
    }
    return { quality: Number(quality), members: expected.members, unpacked: expected.bytes, contenders: Object.fromEntries(running.map(({ name, row }) => [name, row])) };
  } finally {
    for (const task of cleanUp.reverse()) await task();
  }
}

const rotated = (array, by) => array.map((_, index) => array[(index + by) % array.length]);
const rounded = (seconds) => Number(seconds.toFixed(4));
