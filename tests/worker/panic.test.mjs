// A panic, which is a bug: its own request fails, and other requests, during it and after it, succeed. And the end of
// memory, which the wasm cannot survive: all requests of the moment break off, and the next one gets a fresh instance.

import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { zipSync } from "fflate";

import { allOf, answerTo, bundle, converted, health, noise, open, request, startWorker, until, untilIdle } from "./harness.mjs";

const zip = Buffer.from(zipSync({ "noise.bin": noise(8 << 20) }, { level: 0 }));
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

test("a panic during another request leaves it right", async (t) => {
  const { port } = await startWorker(t, { entry });
  const outgoing = open(port, { path, headers: { "content-length": zip.length } });
  outgoing.on("error", () => {});
  outgoing.write(zip.subarray(0, 7 << 20));
  const [incoming] = await once(outgoing, "response");
  const alone = await until(port, ({ active }) => active === 1);
  assert.equal(alone.converting, 1);
  for (let round = 0; round < 3; round++) {
    const answer = await answerTo(panicking(port));
    assert.ok(answer.status >= 500 || answer.error, `status ${answer.status}`);
    const { encoder_bytes } = await until(port, ({ active }) => active === 1);
    assert.equal(encoder_bytes, alone.encoder_bytes);
  }

  outgoing.end(zip.subarray(7 << 20));
  const { status, body } = await allOf(incoming);
  assert.equal(status, 200);
  assert.ok(body.equals(expected()));
  await untilIdle(port);
});

/** The Worker with no more than `pages` of 64 KiB for its memory, in a folder of its own. */
function withMemory(t, pages) {
  const wasm = readFileSync(join(bundle, "index_bg.wasm"));
  // After magic and version come the sections: each an id, its size, its content. All numbers are unsigned LEB128.
  let at = 8;
  const read = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = wasm[at++];
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  const MEMORY = 5;
  while (wasm[at++] !== MEMORY) {
    const size = read();
    at += size;
  }
  read();
  assert.equal(read(), 1, "one memory");
  assert.equal(read(), 1, "which has a maximum");
  read();
  const begin = at;
  read();
  assert.equal(at - begin, 2, "as many bytes as the other needs");
  wasm.set([0x80 | (pages & 0x7f), pages >> 7], begin);

  const folder = mkdtempSync(join(tmpdir(), "recompress-"));
  t.after(() => rmSync(folder, { recursive: true }));
  copyFileSync(join(bundle, "index.js"), join(folder, "index.js"));
  writeFileSync(join(folder, "index_bg.wasm"), wasm);
  return folder;
}

test("where memory ends the answers of the moment break off, and the next request is right", async (t) => {
  const { port } = await startWorker(t, { folder: withMemory(t, 16 * 16) });
  const large = Buffer.from(zipSync({ text: Buffer.alloc(8 << 20, "many words ") }));
  for (let round = 0; round < 2; round++) {
    const outgoing = open(port, { path, headers: { "content-length": zip.length } });
    outgoing.on("error", () => {});
    outgoing.write(zip.subarray(0, 7 << 20));
    const [incoming] = await once(outgoing, "response");
    // Takes some 20 MB.
    const answer = await request(port, { path: "/?quality=5&lgwin=21", body: large });
    assert.ok(answer.status >= 500 || answer.error, `status ${answer.status}`);
    outgoing.end(zip.subarray(7 << 20));
    assert.ok((await allOf(incoming)).error, "not all of it");

    const { status, body } = await request(port, { path, body: zip });
    assert.equal(status, 200);
    assert.ok(body.equals(expected()));
    await untilIdle(port);
  }
});
