// Clients that go away: the memory that was reserved for them is free again, without their upload or answer coming to
// its end.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";

import { zipSync } from "fflate";

import { answerTo, converted, native, noise, open, request, startWorker, until, untilIdle } from "./harness.mjs";

/** Takes all the memory there is as long as its upload has no end: of an unknown length the most may be held. */
const greedy = "/?quality=9&lgwin=22";
const zip = Buffer.from(zipSync({ "noise.bin": noise(8 << 20) }, { level: 0 }));

/** A Worker whose timers last `factor` times as long; or a native server with timeouts longer by the same factor. */
function waiting(factor) {
  const entry = `const { setTimeout } = globalThis;
    globalThis.setTimeout = (task, ms) => setTimeout(task, ms * ${factor});
    export { default } from "./index.js";`;
  const options = Object.entries({ idle: 30, unread: 240 }).flatMap(([wait, seconds]) => [`--${wait}`, seconds * factor]);
  return { entry, options, vars: native ? { RECOMPRESS_WAIT_S: `${Math.max(1, 30 * factor)}` } : {} };
}

function sending(port, path, headers = {}) {
  const outgoing = open(port, { path, headers });
  outgoing.on("error", () => {});
  return outgoing;
}

/** Has an encoder that fits once until it is destroyed. */
async function holder(port) {
  const outgoing = sending(port, greedy);
  outgoing.write(zip.subarray(0, 7 << 20));
  await until(port, ({ converting }) => converting === 1);
  return outgoing;
}

const left = {
  "with no byte of its body sent": (outgoing) => outgoing.flushHeaders(),
  "with its upload stalled, before the answer": (outgoing) => outgoing.write(zip.subarray(0, 1000)),
  "with its upload stalled, during the answer": async (outgoing) => {
    outgoing.write(zip.subarray(0, 7 << 20));
    const [incoming] = await once(outgoing, "response");
    await once(incoming, "data");
  },
  "without reading the answer": async (outgoing) => {
    outgoing.write(zip.subarray(0, 7 << 20));
    const [incoming] = await once(outgoing, "response");
    incoming.pause();
  },
};

for (const [when, act] of Object.entries(left)) {
  test(`a client that leaves ${when} gives its memory back`, async (t) => {
    const { port } = await startWorker(t);
    for (const headers of [{}, { "content-length": zip.length }]) {
      const outgoing = sending(port, "/?quality=2&lgwin=18", headers);
      await act(outgoing);
      await until(port, ({ active }) => active === 1);
      outgoing.destroy();
      await untilIdle(port);
    }
    const { body } = await request(port, { path: "/?quality=2", body: zip });
    assert.ok(body.equals(converted(zip, "--quality", 2)), "the request after it is right");
  });
}

test("a client that leaves the queue frees its place for the next", async (t) => {
  // No wait times out: the second client is out of the queue only because it left.
  const { port } = await startWorker(t, waiting(50));
  const first = await holder(port);
  const second = sending(port, greedy);
  second.write(zip.subarray(0, 7 << 20));
  await until(port, ({ waiting }) => waiting === 1);
  const third = request(port, { path: greedy, body: zip });
  await until(port, ({ waiting }) => waiting === 2);
  // A half-closed connection ends after the body. The server sees that when it reads the body.
  second.socket.resetAndDestroy();
  await until(port, ({ waiting }) => waiting === 1);
  first.destroy();
  const { status, body } = await third;
  assert.equal(status, 200);
  assert.ok(body.equals(converted(zip)));
  await untilIdle(port);
});

test("a waiting request is admitted when the one before it leaves, and reads its own upload", async (t) => {
  const { port, log } = await startWorker(t);
  for (let round = 0; round < 3; round++) {
    const first = await holder(port);
    const second = request(port, { path: greedy, chunks: [zip] });
    await until(port, ({ waiting }) => waiting === 1);
    first.destroy();
    const { status, body, error } = await second;
    assert.equal(error, undefined);
    assert.equal(status, 200);
    assert.ok(body.equals(converted(zip)));
    await untilIdle(port);
  }
  assert.doesNotMatch(log(), /panicked/);
});

test("a client that stops sending is not waited for for ever", async (t) => {
  const { port } = await startWorker(t, waiting(1 / 50));
  const early = sending(port, "/?quality=2");
  early.write(zip.subarray(0, 1000));
  const answer = await answerTo(early);
  assert.equal(answer.status, 400);
  assert.match(JSON.parse(answer.body).detail, /^the upload broke off after 1000 bytes: nothing came for (30|0\.6) s$/);
  await untilIdle(port);

  const late = sending(port, "/?quality=2");
  late.write(zip.subarray(0, 7 << 20));
  const { status, body, error } = await answerTo(late);
  assert.equal(status, 200);
  assert.ok(error && body.length > 0, "the answer breaks off");
  await untilIdle(port);

  // Slow is not stalled: each of these pauses is short, all of them together are not.
  const slowly = async function* () {
    for (let at = 0; at < zip.length; at += zip.length >> 3) {
      yield zip.subarray(at, at + (zip.length >> 3));
      await setTimeout(200);
    }
  };
  const slow = await request(port, { path: "/?quality=2", chunks: slowly() });
  assert.equal(slow.error, undefined);
  assert.ok(slow.body.equals(converted(zip, "--quality", 2)));
  await untilIdle(port);
});

test("a client that stops reading is not waited for for ever", async (t) => {
  const { port, log } = await startWorker(t, waiting(1 / 100));
  const large = Buffer.from(zipSync({ "noise.bin": noise(32 << 20) }, { level: 0 }));
  const outgoing = sending(port, "/?quality=0&lgwin=18");
  outgoing.end(large);
  const [incoming] = await once(outgoing, "response");
  incoming.pause();
  await untilIdle(port);

  // The content of the buffers on the way arrives, and no end.
  const parts = [];
  await assert.rejects(async () => {
    for await (const part of incoming) parts.push(part);
  });
  assert.ok(Buffer.concat(parts).length < large.length);
  assert.doesNotMatch(log(), /panicked/);

  // Slow is not stalled.
  const slow = sending(port, "/?quality=0&lgwin=18");
  slow.end(zip);
  const [slowly] = await once(slow, "response");
  const read = [];
  for await (const part of slowly) {
    read.push(part);
    await setTimeout(20);
  }
  assert.ok(Buffer.concat(read).equals(converted(zip, "--quality", 0, "--lgwin", 18)));
  await untilIdle(port);
});
