// Behaviour during an upload, and at an upload or a response that breaks off.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { brotliDecompressSync } from "node:zlib";

import { strToU8, zipSync } from "fflate";

import { save } from "../../fixtures/hard.mjs";
import { answerTo, converted, noise, open, request, startWorker } from "./harness.mjs";

test("the answer begins before the upload ends", async (t) => {
  const { port } = await startWorker(t);
  const zip = await save({ mib: 44 });
  const part = zip.length - (64 << 10);
  assert.ok(part > 6 << 20, "more than is read ahead");
  const outgoing = open(port, { path: "/?quality=2", headers: { "content-length": zip.length } });
  outgoing.write(zip.subarray(0, part));

  // The rest is sent when, and only when, a byte of the answer has arrived.
  const [incoming] = await once(outgoing, "response");
  const parts = [];
  incoming.once("data", () => outgoing.end(zip.subarray(part)));
  for await (const part of incoming) parts.push(part);
  assert.equal(incoming.statusCode, 200);
  assert.ok(Buffer.concat(parts).equals(converted(zip, "--quality", 2)));
});

test("a fault of a small archive is a status, however late it is found", async (t) => {
  const { port } = await startWorker(t);
  const zip = Buffer.from(zipSync({ "noise.bin": noise(3 << 20) }, { level: 0 }));
  for (const upload of [{ body: zip.subarray(0, -1) }, { chunks: [zip.subarray(0, -1)] }]) {
    const { status, body, error } = await request(port, { path: "/?quality=0&lgwin=16", ...upload });
    assert.equal(error, undefined);
    assert.equal(status, 400);
    assert.equal(JSON.parse(body).code, "truncated");
  }
});

test("a fault found after the first byte breaks the transfer, and the part that arrived does not decode as whole", async (t) => {
  const { port } = await startWorker(t);
  const zip = Buffer.from(zipSync({ "noise.bin": noise(6 << 20) }, { level: 0 }));
  const wrongDirectory = Buffer.from(zip);
  wrongDirectory[zip.lastIndexOf("noise.bin")] ^= 0x20;
  const wrongContents = Buffer.from(zip);
  wrongContents[5 << 20] ^= 1;
  for (const [fault, body] of Object.entries({
    "cut by one byte": zip.subarray(0, -1),
    "cut before the directory": zip.subarray(0, 6 << 20),
    "another name in the directory": wrongDirectory,
    "a flipped bit in the contents": wrongContents,
  })) {
    for (const upload of [{ body }, { chunks: [body] }]) {
      const answer = await request(port, { path: "/?quality=2", ...upload });
      assert.equal(answer.status, 200, fault);
      assert.ok(answer.error, `${fault}: the client sees an error`);
      assert.ok(answer.body.length > 0, `${fault}: after the first byte`);
      assert.throws(() => brotliDecompressSync(answer.body), `${fault}: brotli refuses what arrived`);
    }
    const { body: next } = await request(port, { path: "/?quality=2", body: zip });
    assert.ok(next.equals(converted(zip, "--quality", 2)), `the request after it is right: ${fault}`);
  }
});

test("a client that leaves does no harm to the next one", async (t) => {
  const { port } = await startWorker(t);
  const zip = Buffer.from(zipSync({ "noise.bin": noise(8 << 20) }, { level: 0 }));
  const expected = converted(zip, "--quality", 2);
  const leave = {
    "before a byte of its body": (outgoing) => outgoing.flushHeaders(),
    "in the middle of its upload, without an answer": (outgoing) => outgoing.write(zip.subarray(0, 1000)),
    "in the middle of its upload and of the answer": async (outgoing) => {
      outgoing.write(zip.subarray(0, 7 << 20));
      const [incoming] = await once(outgoing, "response");
      await once(incoming, "data");
    },
    "without reading the answer": async (outgoing) => {
      outgoing.end(zip);
      await once(outgoing, "response");
    },
  };
  for (const [when, act] of Object.entries(leave)) {
    for (let i = 0; i < 3; i++) {
      const outgoing = open(port, { path: "/?quality=2", headers: { "content-length": zip.length } });
      outgoing.on("error", () => {});
      await act(outgoing);
      outgoing.destroy();
    }
    const { status, body, error } = await request(port, { path: "/?quality=2", body: zip });
    assert.equal(error, undefined, when);
    assert.equal(status, 200, when);
    assert.ok(body.equals(expected), when);
  }
});

test("a refusal does not wait for the rest of the upload", async (t) => {
  const { port } = await startWorker(t);
  const outgoing = open(port, { headers: { "content-length": 1 << 20 } });
  outgoing.on("error", () => {});
  // A start that could still be a tarball's is read up to byte 262.
  outgoing.write("this is not a zip, and the rest of it never comes".padEnd(262, "."));
  const answer = await answerTo(outgoing);
  outgoing.destroy();
  assert.equal(answer.status, 415);
  assert.equal(JSON.parse(answer.body).code, "not_zip");
});

test("the request after a refused one is right", async (t) => {
  const { port } = await startWorker(t);
  const zip = Buffer.from(zipSync({ "a.txt": strToU8("hello\n") }));
  const expected = converted(zip);
  for (const body of [Buffer.from("not a zip"), zip.subarray(0, 40), Buffer.concat([zip, Buffer.from("more")]), noise(1 << 20)]) {
    assert.equal((await request(port, { body })).status >= 400, true);
    assert.ok((await request(port, { body: zip })).body.equals(expected));
  }
});
