// One Worker for a long time: uploads that are good, bad, cut and abandoned, mixed by a seed, several at once. Nothing it
// answers may be wrong, and its memory may not grow once it has seen everything. `make soak`
//
//     node tools/soak.mjs [--minutes N] [--clients N] [--pause MS] [--seed N]

import assert from "node:assert/strict";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { setTimeout } from "node:timers/promises";

import { save } from "../fixtures/hard.mjs";
import { converted, health, noise, open, request, startWorker, untilIdle } from "../tests/worker/harness.mjs";

const { values: options } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    clients: { type: "string", default: "6" },
    pause: { type: "string", default: "100" },
    seed: { type: "string", default: "1" },
  },
});

let state = Number(options.seed);
/** A number below `limit`, the next of the seed's. */
function random(limit) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * limit);
}

const cleanUp = [];
const { port, pid, log } = await startWorker({ after: (task) => cleanUp.push(task) });
const zips = await Promise.all([1, 2, 3].map((seed) => save({ seed, mib: seed })));
const parameters = [[5, 18], [5, 22], [9, 18], [9, 22], [2, 24], [0, 20]];
const expected = new Map();
for (const zip of zips) {
  for (const [quality, lgwin] of parameters) {
    expected.set(`${zips.indexOf(zip)} ${quality} ${lgwin}`, converted(zip, "--quality", quality, "--lgwin", lgwin));
  }
}

/** In pieces, some of them late. */
async function* pieces(bytes) {
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + random(100_000);
    yield bytes.subarray(at, at + length);
    at += length;
    if (random(8) === 0) await setTimeout(random(100));
  }
}

const counts = {};
const count = (what) => (counts[what] = (counts[what] ?? 0) + 1);

/** The actions of a client; each entry is equally likely. */
const deeds = { good, alsoGood: good, cut, flipped, abandoned, noZip };

async function good() {
  const index = random(zips.length);
  const [quality, lgwin] = parameters[random(parameters.length)];
  const zip = zips[index];
  const upload = random(2) ? { body: zip } : { chunks: pieces(zip) };
  const { status, headers, body, error } = await request(port, { path: `/?quality=${quality}&lgwin=${lgwin}`, ...upload });
  if (status === 503) {
    assert.ok(headers["retry-after"]);
    return count("busy");
  }
  // Of a 503 too, for the upload was not read.
  if (!status && ["EPIPE", "ECONNRESET"].includes(error.code)) return count("closed");
  assert.equal(error, undefined);
  assert.equal(status, 200, String(body));
  assert.ok(body.equals(expected.get(`${index} ${quality} ${lgwin}`)), "a wrong byte");
  count("good");
}

/** An answer that says no, or breaks off. */
async function refused(body, what) {
  const { status, error } = await request(port, { path: "/?quality=2&lgwin=18", chunks: pieces(body) });
  if (status === 503) return count("busy");
  assert.ok(status >= 400 || error, `${what}, and yet converted`);
  count(what);
}

async function cut() {
  const zip = zips[random(zips.length)];
  await refused(zip.subarray(0, random(zip.length)), "cut");
}

async function flipped() {
  const zip = Buffer.from(zips[random(zips.length)]);
  // In the contents, where a checksum sees every bit.
  zip[1000 + random(zip.length - 2000)] ^= 1 << random(8);
  await refused(zip, "flipped");
}

async function noZip() {
  await refused(noise(random(200_000), random(1000)), "no zip");
}

async function abandoned() {
  const zip = zips[random(zips.length)];
  const outgoing = open(port, { path: "/?quality=9&lgwin=22" });
  outgoing.on("error", () => {});
  outgoing.write(zip.subarray(0, random(zip.length)));
  if (random(2)) await Promise.race([once(outgoing, "response"), setTimeout(random(2000))]);
  else await setTimeout(random(500));
  outgoing.destroy();
  count("abandoned");
}

async function client(until) {
  const names = Object.keys(deeds);
  while (Date.now() < until) {
    await deeds[names[random(names.length)]]();
    await setTimeout(random(2 * Number(options.pause)));
  }
}

try {
  const start = Date.now();
  const until = start + Number(options.minutes) * 60_000;
  let running = true;
  const clients = Promise.all(Array.from({ length: Number(options.clients) }, () => client(until))).finally(() => (running = false));
  clients.catch(() => {});
  console.log(`workerd is process ${pid}\n| minute | wasm MB | reserved MB | active | waiting | so far |\n| --- | --- | --- | --- | --- | --- |`);
  const samples = [];
  while (running) {
    const { wasm_memory_bytes, reserved_bytes, active, waiting } = await health(port);
    samples.push(wasm_memory_bytes);
    const figures = [(Date.now() - start) / 60_000, wasm_memory_bytes / 1e6, reserved_bytes / 1e6].map((n) => n.toFixed(1));
    console.log(`| ${[...figures, active, waiting, JSON.stringify(counts)].join(" | ")} |`);
    await Promise.race([setTimeout(60_000), clients]);
  }
  await clients;
  const { wasm_memory_bytes } = await untilIdle(port);
  const warm = samples[samples.length >> 1];
  console.log(`ended idle with ${wasm_memory_bytes} bytes of wasm memory, half-way it had ${warm}`);
  assert.equal(wasm_memory_bytes, warm, "memory grew in the second half");
  // The runtime logs this line for an answer that broke off, as answers to broken uploads do, and for nothing else.
  const others = log().split("\n").filter((line) => line && !line.endsWith("Error polling body"));
  assert.deepEqual(others, []);
} finally {
  console.log([...new Set(log().split("\n"))].join("\n"));
  for (const task of cleanUp) await task();
}
