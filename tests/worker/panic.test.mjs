// A panic, which is a bug: its own request fails, others fail at most as a lost connection does, and what comes after it
// is right.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";

import { zipSync } from "fflate";

import { allOf, answerTo, converted, health, noise, open, request, startWorker, until, untilIdle } from "./harness.mjs";

const zip = Buffer.from(zipSync({ "noise.bin": noise(6 << 20) }, { level: 0 }));
const path = "/?quality=2&lgwin=18";
const expected = () => converted(zip, "--quality", 2, "--lgwin", 18);

/** Where the Rust sets a timer, it takes for granted that it can: for a request with this header it cannot. */
const entry = `import Worker from "./index.js";
const { setTimeout } = globalThis;
let panics = false;
globalThis.setTimeout = (...timer) => {
  if (panics) {
    panics = false;
    throw new Error("no timers");
  }
  return setTimeout(...timer);
};
export default class extends Worker {
  async fetch(request) {
    panics = request.headers.has("panic");
    return super.fetch(request);
  }
}`;

/** A request that waits for the rest of its upload. It panics when it comes to wait. */
function panicking(port) {
  const outgoing = open(port, { path, headers: { panic: "please" } });
  outgoing.on("error", () => {});
  outgoing.write(zip.subarray(0, 1000));
  return outgoing;
}

test("after a panic the next request is right, and nothing is reserved", async (t) => {
  const { port, log } = await startWorker(t, { entry });
  for (let round = 0; round < 3; round++) {
    const answer = await answerTo(panicking(port));
    assert.ok(answer.status >= 500 || answer.error, `status ${answer.status}`);
    assert.match(log(), /panicked at/);
    const { reserved_bytes, active, waiting } = await health(port);
    assert.deepEqual({ reserved_bytes, active, waiting }, { reserved_bytes: 0, active: 0, waiting: 0 });
    const { status, body } = await request(port, { path, body: zip });
    assert.equal(status, 200);
    assert.ok(body.equals(expected()));
    await untilIdle(port);
  }
});

test("a panic during another request cuts it or leaves it right, and never ends it early", async (t) => {
  const { port } = await startWorker(t, { entry });
  const outgoing = open(port, { path, headers: { "content-length": zip.length } });
  outgoing.on("error", () => {});
  outgoing.write(zip.subarray(0, 5 << 20));
  const [incoming] = await once(outgoing, "response");
  await until(port, ({ active }) => active === 1);
  await answerTo(panicking(port));
  await untilIdle(port);

  outgoing.end(zip.subarray(5 << 20));
  const cut = await allOf(incoming);
  assert.ok(cut.error || cut.body.equals(expected()), "cut, or whole");

  const { status, body } = await request(port, { path, body: zip });
  assert.equal(status, 200);
  assert.ok(body.equals(expected()));
});
