// Slow clients beside a fast one: each slow one sends and reads a save at a few kB/s, while the fast one converts one save
// after the other. All results must be right; the fast one's times are compared with its times alone. `make soak`
//
//     node tools/crowd.mjs [--slow N] [--rate BYTES] [--mib N] [--query quality=9]      with SERVER=native: the native server

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";

import { save } from "../fixtures/hard.mjs";
import { converted, health, native, request, startWorker, untilIdle } from "../tests/worker/harness.mjs";

const { values: options } = parseArgs({
  options: {
    slow: { type: "string", default: "4" },
    rate: { type: "string", default: "40000" },
    mib: { type: "string", default: "28" },
    query: { type: "string", default: "" },
  },
});

const cleanUp = [];
const { port, log } = await startWorker({ after: (task) => cleanUp.push(task) });
const path = `/?${options.query}`;
const args = options.query.split("&").filter(Boolean).flatMap((option) => [`--${option.split("=")[0]}`, option.split("=")[1]]);
const fastZip = await save({ mib: 4 });
const slowZip = await save({ mib: Number(options.mib), seed: 2 });
const [fastBytes, slowBytes] = [fastZip, slowZip].map((zip) => converted(zip, ...args));

const TICK_MS = 100;
const step = Math.max(1, (Number(options.rate) * TICK_MS) / 1000);

/** Sends and reads at the rate. Resolves to the bytes of the answer, its head included. */
async function slowly() {
  const socket = net.connect({ port, host: "127.0.0.1", highWaterMark: 4096 });
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.pause();
  socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${slowZip.length}\r\n\r\n`);
  for (let at = 0; at < slowZip.length; at += step) {
    if (!socket.write(slowZip.subarray(at, at + step))) await Promise.race([once(socket, "drain"), once(socket, "close")]);
    await setTimeout(TICK_MS);
  }
  const parts = [];
  while (!socket.destroyed && !socket.readableEnded) {
    let left = step;
    for (let part; left > 0 && (part = socket.read()) !== null; left -= part.length) parts.push(part);
    await setTimeout(TICK_MS);
  }
  return Buffer.concat(parts);
}

/** Whether the answer has these bytes as its body, chunked or not. */
function has(answer, bytes) {
  const at = answer.indexOf("\r\n\r\n");
  const head = answer.subarray(0, at).toString();
  if (!head.startsWith("HTTP/1.1 200 ")) return false;
  let rest = answer.subarray(at + 4);
  if (!/transfer-encoding: chunked/i.test(head)) return rest.equals(bytes);
  const parts = [];
  for (;;) {
    const end = rest.indexOf("\r\n");
    const length = parseInt(rest.subarray(0, end).toString(), 16);
    if (!(length > 0)) return length === 0 && Buffer.concat(parts).equals(bytes);
    parts.push(rest.subarray(end + 2, end + 2 + length));
    rest = rest.subarray(end + 4 + length);
  }
}

/** Milliseconds of conversions of the fast client, one after the other, for as long as `goesOn`. */
async function times(goesOn) {
  const all = [];
  while (goesOn(all.length)) {
    const begun = performance.now();
    const { status, body, error } = await request(port, { path, body: fastZip });
    assert.equal(error, undefined);
    assert.equal(status, 200, `${body}`);
    assert.ok(body.equals(fastBytes), "the fast one is right");
    all.push(performance.now() - begun);
    await setTimeout(50);
  }
  return all.sort((a, b) => a - b);
}

const median = (sorted) => sorted[sorted.length >> 1];
await times((count) => count < 3);
const before = await times((count) => count < 15);
let ended = 0;
let most = 0;
const crowd = Array.from({ length: Number(options.slow) }, () => slowly().finally(() => ended++));
const watch = (async () => {
  while (ended < crowd.length) {
    const { wasm_memory_bytes = 0 } = await health(port);
    most = Math.max(most, wasm_memory_bytes);
    await setTimeout(200);
  }
})();
const beside = await times(() => ended < crowd.length);
const answers = await Promise.all(crowd);
await watch;
const after = await times((count) => count < 15);
const right = answers.filter((answer) => has(answer, slowBytes)).length;
const alone = median([...before, ...after].sort((a, b) => a - b));
const figures = {
  server: native ? "native" : "workerd",
  slow: `${right} of ${crowd.length} right, ${slowZip.length} bytes up and ${slowBytes.length} down at ${options.rate} a second`,
  fast_alone_ms: Math.round(alone),
  fast_beside_ms: Math.round(median(beside)),
  ratio: Number((median(beside) / alone).toFixed(2)),
  conversions_beside: beside.length,
  slowest_beside_ms: Math.round(beside.at(-1)),
  wasm_mib: Number((most / 2 ** 20).toFixed(1)),
};
console.log(JSON.stringify(figures, null, 1));
await untilIdle(port);
for (const task of cleanUp) await task();
assert.equal(log(), "");
assert.equal(right, crowd.length, answers.map((answer) => answer.subarray(0, 600).toString()).find((answer) => !answer.startsWith("HTTP/1.1 200")));
assert.ok(native || most < 100 * 2 ** 20);
