// Many requests at the same time, more than there is memory for, and slow ones beside fast ones.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import net from "node:net";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";

import { zipSync } from "fflate";

import { save } from "../../fixtures/hard.mjs";
import { allOf, answerTo, converted, health, native, noise, open, request, startWorker, until, untilIdle } from "./harness.mjs";

const MIB = 1 << 20;

/** Pieces of a zip, with pauses when it is slow. */
async function* pieces(zip, pauseMs) {
  const size = 20_000;
  for (let at = 0; at < zip.length; at += size) {
    yield zip.subarray(at, at + size);
    if (pauseMs) await setTimeout(pauseMs);
  }
}

/** The most memory that a native server had so far (proc_pid_status(5)), in bytes: of all its threads, without its code. */
function residentPeak(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const [peak, code] = ["VmHWM", "RssFile"].map((name) => status.match(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m"))[1] * 1024);
  return peak - code;
}

/** The most memory that the Worker had, as long as `work` goes on. */
async function peakDuring(port, work) {
  let ended = false;
  work.finally(() => (ended = true)).catch(() => {});
  const peak = { ...(native ? {} : { wasm_memory_bytes: 0 }), reserved_bytes: 0, active: 0, waiting: 0 };
  while (!ended) {
    const now = await health(port);
    for (const figure of Object.keys(peak)) peak[figure] = Math.max(peak[figure], now[figure]);
    assert.ok(now.reserved_bytes <= now.budget_bytes);
    await setTimeout(20);
  }
  return peak;
}

for (const { requests, quality, lgwin } of [
  { requests: 16, quality: 9, lgwin: 22 },
  { requests: 64, quality: 5, lgwin: 18 },
]) {
  test(`of ${requests} uploads at once at quality ${quality}, lgwin ${lgwin} each is converted`, async (t) => {
    // glibc keeps memory for each thread. With one arena for all, the process has what the server holds.
    const vars = native ? { MALLOC_ARENA_MAX: "1" } : {};
    const { port, pid, log } = await startWorker(t, { vars });
    const path = `/?quality=${quality}&lgwin=${lgwin}`;
    const zips = await Promise.all([1, 2, 3].map((seed) => save({ mib: 2, seed })));
    const expected = zips.map((zip) => converted(zip, "--quality", quality, "--lgwin", lgwin));
    const kinds = [
      (zip) => ({ body: zip }),
      (zip) => ({ headers: { "content-length": zip.length }, chunks: pieces(zip, 20) }),
      (zip) => ({ headers: { "content-length": zip.length }, chunks: pieces(zip, 0) }),
      (zip) => ({ chunks: pieces(zip, 20) }),
    ];
    const send = (i) => request(port, { path, ...kinds[i % kinds.length](zips[i % zips.length]) });

    // One after the other, for comparison.
    const alone = performance.now();
    for (const i of kinds.keys()) assert.ok((await send(i)).body.equals(expected[i % zips.length]));
    const together = performance.now();

    const answers = Promise.all(Array.from({ length: requests }, (_, i) => send(i)));
    const peak = await peakDuring(port, answers);

    for (const [i, { status, body, error }] of (await answers).entries()) {
      assert.equal(error, undefined, `request ${i}`);
      assert.equal(status, 200, `request ${i}: ${body}`);
      assert.ok(body.equals(expected[i % zips.length]), `request ${i} has the command-line tool's bytes`);
    }
    const rate = (count, ms) => `${((count / ms) * 1000).toFixed(2)} a second`;
    const rates = `${rate(kinds.length, together - alone)} one by one, ${rate(requests, performance.now() - together)} together`;
    t.diagnostic(`${rates}; at most ${JSON.stringify(peak)}`);
    const idle = await untilIdle(port);
    const most = native ? residentPeak(pid) : Math.max(peak.wasm_memory_bytes, idle.wasm_memory_bytes);
    t.diagnostic(`${most} bytes of memory`);
    assert.ok(most < (native ? 140 : 100) * MIB, `${most} bytes: ${JSON.stringify(peak)}`);
    assert.equal(log(), "");
  });
}

/** A client that has sent a part of its upload, and sends the rest when it is told to. */
function slow(port, zip, part, path) {
  const outgoing = open(port, { path, headers: { "content-length": zip.length } });
  const answer = answerTo(outgoing);
  outgoing.write(zip.subarray(0, part));
  return { answer, finish: () => outgoing.end(zip.subarray(part)) };
}

test("uploads that have stopped, and answers that are not read, do not block other clients", async (t) => {
  const { port } = await startWorker(t);
  const zip = await save({ mib: 2 });
  const path = "/?quality=5&lgwin=18";
  const expected = converted(zip, "--quality", 5, "--lgwin", 18);
  const fast = async (when) => {
    const { status, body } = await request(port, { path, body: zip });
    assert.equal(status, 200, `${when}: ${body}`);
    assert.ok(body.equals(expected), when);
  };
  const half = zip.length >> 1;
  const slowly = [1, 2, 3, 4].map(() => slow(port, zip, half, path));
  await until(port, ({ upload_bytes, receiving }) => receiving === 4 && upload_bytes >= 4 * half);
  await fast("beside four uploads");

  slowly.forEach(({ finish }) => finish());
  for (const { answer } of slowly) assert.ok((await answer).body.equals(expected), "slow, and right");

  // Answers larger than the buffers on the way, of clients that read nothing.
  const large = Buffer.from(zipSync({ "noise.bin": noise(9 * MIB) }, { level: 0 }));
  const readers = [1, 2, 3].map(async () => {
    const outgoing = open(port, { path: "/?quality=1&lgwin=18" });
    outgoing.end(large);
    const [incoming] = await once(outgoing, "response");
    incoming.pause();
    return incoming;
  });
  const incomings = await Promise.all(readers);
  await fast("beside three answers that are not read");
  for (const incoming of incomings) {
    const { body, error } = await allOf(incoming);
    assert.equal(error, undefined);
    assert.ok(body.equals(converted(large, "--quality", 1, "--lgwin", 18)));
  }
  await untilIdle(port);
});

test("two hundred clients that have sent a byte do not stop a normal one", async (t) => {
  const { port } = await startWorker(t);
  const zip = await save({ mib: 1 });
  const path = "/?quality=5&lgwin=18";
  const drips = Array.from({ length: 200 }, () => {
    const outgoing = open(port, { path, headers: { "content-length": 1000 } });
    outgoing.on("error", () => {});
    outgoing.write("P");
    return outgoing;
  });
  await until(port, ({ receiving }) => receiving === 200);
  const { status, body } = await request(port, { path, body: zip });
  assert.equal(status, 200, `${body}`);
  assert.ok(body.equals(converted(zip, "--quality", 5, "--lgwin", 18)));
  drips.forEach((outgoing) => outgoing.destroy());
  await untilIdle(port);
});

/** The answer to a client that sends everything before it reads. `meanwhile` runs once it has begun to send. */
async function halfDuplex(port, path, zip, meanwhile = async () => {}) {
  const socket = net.connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.pause();
  socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${zip.length}\r\n\r\n`);
  const sent = new Promise((resolve) => socket.write(zip, resolve));
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await meanwhile();
  await Promise.race([sent, closed]);
  const parts = [];
  socket.on("data", (part) => parts.push(part));
  socket.resume();
  await closed;
  return Buffer.concat(parts).toString("latin1");
}

test("a client that sends everything before it reads gets its answer", async (t) => {
  const { port } = await startWorker(t);
  const path = "/?quality=1&lgwin=18";
  for (const mib of [3, 9, 12]) {
    const zip = Buffer.from(zipSync({ "noise.bin": noise(mib * MIB) }, { level: 0 }));
    const answer = await halfDuplex(port, path, zip);
    assert.match(answer, /^HTTP\/1.1 200 /);
    assert.ok(answer.length > converted(zip, "--quality", 1, "--lgwin", 18).length, `${mib} MiB: ${answer.length}`);
    assert.ok(/\r\n0\r\n\r\n$/.test(answer) || /content-length: /i.test(answer), "to its end");
  }
});

test("a client whose answer is too large for that ends, and others are served meanwhile", async (t) => {
  // The Worker's timers are over twenty times as soon.
  const entry = `const { setTimeout } = globalThis;
    globalThis.setTimeout = (task, ms) => setTimeout(task, ms / 20);
    export { default } from "./index.js";`;
  const { port, accounts } = await startWorker(t, { entry });
  const path = "/?quality=1&lgwin=18";
  const small = Buffer.from(zipSync({ "noise.bin": noise(MIB) }, { level: 0 }));
  const zip = Buffer.from(zipSync({ "noise.bin": noise(60 * MIB) }, { level: 0 }));
  const answer = await halfDuplex(port, path, zip, async () => {
    await until(port, ({ result_bytes }) => result_bytes > 15 * MIB);
    assert.equal((await request(port, { path, body: small })).status, 200);
  });
  assert.doesNotMatch(answer, /\r\n0\r\n\r\n$/, "not to its end");
  await untilIdle(port);
  assert.ok(accounts().some(({ outcome }) => outcome === "answer_unread"), JSON.stringify(accounts()));
});
