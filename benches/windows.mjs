// The memory that the Worker's wasm comes to, by quality and window, of a save longer than the largest window.
// `make memory` measures the data that takes the most memory.

import { readFileSync } from "node:fs";

import { corpus } from "./corpus.mjs";
import { convert, greet, ours } from "./workers.mjs";

export async function memory(results) {
  const body = readFileSync((await corpus("save", 18)).file);
  for (const quality of [2, 5, 7, 9, 10, 11]) {
    const points = [];
    for (const lgwin of [16, 18, 20, 22, 24]) {
      if (quality > 9 && lgwin > 21) continue; // refused: an isolate has no room for it
      const cleanUp = [];
      try {
        const worker = await ours({ after: (task) => cleanUp.push(task) });
        await greet(worker);
        const { wasmBytes } = await convert(worker, { body, path: worker.path(quality, lgwin) });
        points.push([lgwin, wasmBytes]);
      } finally {
        for (const task of cleanUp) await task();
      }
    }
    console.log(`quality ${quality}: ${points.map(([lgwin, bytes]) => `${(bytes / 1e6).toFixed(0)} MB at ${lgwin}`).join(", ")}`);
    results.set("memory", `quality ${quality}`, points);
  }
}
