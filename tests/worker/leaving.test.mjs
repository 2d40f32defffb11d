// Clients that go away: the memory that was reserved for them is free again, without their upload or answer coming to
// its end.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";

import { zipSync } from "fflate";

import { converted, noise, open, request, startWorker, until, untilIdle } from "./harness.mjs";

/** Takes all the memory there is as long as its upload has no end: of an unknown length the most may be held. */
const greedy = "/?quality=9&lgwin=22";
const zip = Buffer.from(zipSync({ "noise.bin": noise(6 << 20) }, { level: 0 }));

function sending(port, path, headers = {}) {
  const outgoing = open(port, { path, headers });
  outgoing.on("error", () => {});
  return outgoing;
}

/** Has all memory until it is destroyed. */
async function holder(port) {
  const outgoing = sending(port, greedy);
  outgoing.write(zip.subarray(0, 1000));
  await until(port, ({ active }) => active === 1);
  return outgoing;
}

const left = {
  "with no byte of its body sent": (outgoing) => outgoing.flushHeaders(),
  "with its upload stalled, before the answer": (outgoing) => outgoing.write(zip.subarray(0, 1000)),
  "with its upload stalled, during the answer": async (outgoing) => {
    outgoing.write(zip.subarray(0, 5 << 20));
    const [incoming] = await once(outgoing, "response");
    await once(incoming, "data");
  },
  "without reading the answer": async (outgoing) => {
    outgoing.write(zip.subarray(0, 5 << 20));
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

test("a client that leaves the queue leaves it to those behind it", async (t) => {
  const { port } = await startWorker(t);
  const first = await holder(port);
  const second = sending(port, greedy);
  second.flushHeaders();
  await until(port, ({ waiting }) => waiting === 1);
  const third = request(port, { path: greedy, body: zip });
  await until(port, ({ waiting }) => waiting === 2);
  // A connection that is only closed ends behind the body, which is not read yet: that is noticed when it is.
  second.socket.resetAndDestroy();
  await until(port, ({ waiting }) => waiting === 1);
  first.destroy();
  const { status, body } = await third;
  assert.equal(status, 200);
  assert.ok(body.equals(converted(zip)));
  await untilIdle(port);
});

test("who waits is admitted when the one before it leaves, and reads its own upload", async (t) => {
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
  assert.equal(log(), "");
});
