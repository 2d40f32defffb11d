// The JSON of saves over HTTP: the cases of tests/save, refusals, cut uploads, many at once.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { brotliDecompressSync } from "node:zlib";

import { zipSync } from "fflate";

import { save } from "../../fixtures/hard.mjs";
import { health, native, recompress, request, root, run, startWorker, untilIdle } from "./harness.mjs";

const cases = JSON.parse(readFileSync(join(root, "tests/save/cases.json"), "utf8"));
const BROTLI = { "accept-encoding": "br" };

let zip;
let expected;
before(async () => {
  zip = await save({ mib: 3, seed: 7 });
  expected = run(recompress, ["json", "-"], { input: zip });
});

/** The bytes of a case's input: in windows-1252 each character is one byte. */
const bytesOf = ({ input, encoding }) => Buffer.from(input, encoding === "windows-1252" ? "latin1" : "utf8");

test("every case of the command line has the same answer", async (t) => {
  const { port } = await startWorker(t);
  assert.ok(cases.length >= 45);
  for (const row of cases) {
    const query = new URLSearchParams({ keys: row.mode, narrow: row.narrowing, encoding: row.encoding });
    for (const headers of [{}, BROTLI]) {
      const answer = await request(port, { path: `/json?${query}`, headers, body: zipSync({ gamestate: bytesOf(row) }) });
      const body = answer.headers["content-encoding"] === "br" ? brotliDecompressSync(answer.body) : answer.body;
      if (typeof row.expected === "string") {
        assert.equal(answer.status, 200, `${row.name}: ${body}`);
        assert.equal(body.toString(), row.expected, row.name);
      } else {
        assert.equal(answer.status, 422, row.name);
        const { code, detail } = JSON.parse(body);
        assert.equal(code, "bad_text", row.name);
        assert.ok(detail.includes(row.expected.error.match(/at byte \d+$/)[0]), `${row.name}: ${detail}`);
      }
    }
  }
  await untilIdle(port);
});

test("a save is the JSON of the command line, plain or compressed, in one piece or in many", async (t) => {
  const { port } = await startWorker(t);
  for (const headers of [{}, BROTLI]) {
    let first;
    for (const size of [zip.length, 10_000, 777]) {
      const chunks = Array.from({ length: Math.ceil(zip.length / size) }, (_, i) => zip.subarray(i * size, (i + 1) * size));
      const { status, body, error } = await request(port, { path: "/json", headers, chunks });
      assert.equal(error, undefined);
      assert.equal(status, 200);
      first ??= body;
      assert.ok(body.equals(first), "the cuts change nothing");
    }
    assert.ok((headers === BROTLI ? brotliDecompressSync(first) : first).equals(expected));
  }
  await untilIdle(port);
});

test("parts are selected, and lines are written, as at the command line", async (t) => {
  const { port } = await startWorker(t);
  const [path] = Object.keys(JSON.parse(expected)).map((key) => `/${key}`);
  for (const [query, options] of [
    [`select=${path}`, ["--select", path]],
    ["lines=/", ["--lines", "/"]],
    ["keys=group", ["--keys", "group"]],
    ["keys=pairs&narrow=none", ["--keys", "pairs", "--narrow", "none"]],
  ]) {
    const { status, body } = await request(port, { path: `/json?${query}`, body: zip });
    assert.equal(status, 200, query);
    assert.ok(body.equals(run(recompress, ["json", ...options, "-"], { input: zip })), query);
  }
});

test("every refusal of a save has its status and its code", async (t) => {
  const { port } = await startWorker(t);
  const long = `a="${"x".repeat(70_000)}"`;
  for (const [body, status, code, query = ""] of [
    [zipSync({ other: Buffer.from("a=1") }), 422, "save_missing"],
    [zipSync({ gamestate: Buffer.from("a=1") }), 422, "save_missing", "?member=meta"],
    [Buffer.from("EU4bin\x01\x28\x01\x00\x0c\x00\x01\x00\x00\x00", "latin1"), 422, "binary_save"],
    [Buffer.from("a={ b={ c=1"), 422, "bad_text"],
    [Buffer.from(long), 422, "scalar_too_long"],
    [Buffer.from("a={".repeat(300)), 422, "too_deep"],
    [Buffer.from("\0\0no save"), 415, "not_zip"],
    [zip.subarray(0, 2000), 400, "truncated"],
    [Buffer.from("a=1"), 400, "bad_option", "?keys=x"],
  ]) {
    for (const headers of [{}, BROTLI]) {
      const answer = await request(port, { path: `/json${query}`, headers, body: Buffer.from(body) });
      assert.equal(answer.status, status, code);
      assert.equal(answer.headers["content-type"], "application/problem+json");
      assert.equal(JSON.parse(answer.body).code, code);
    }
  }
  await untilIdle(port);
});

test("a save that turns out to be cut breaks off, and is neither JSON nor a whole brotli stream", async (t) => {
  const { port } = await startWorker(t);
  const cut = zip.subarray(0, zip.length - 1);
  for (const headers of [{}, BROTLI]) {
    const { status, body, error } = await request(port, { path: "/json", headers, body: cut });
    if (status === 200) {
      assert.ok(error, "the transfer fails");
      assert.throws(() => (headers === BROTLI ? brotliDecompressSync(body) : JSON.parse(body)));
    } else {
      assert.equal(JSON.parse(body).code, "truncated");
    }
  }
  await untilIdle(port);
});

test("sixteen at once get the same JSON, and the memory stays below its bound", async (t) => {
  const { port } = await startWorker(t);
  /** Asks until there is room: a machine that is busy with other tests may take longer than the service waits. */
  const ask = async (headers) => {
    const answer = await request(port, { path: "/json", headers, body: zip });
    if (answer.status !== 503) return answer;
    assert.equal(JSON.parse(answer.body).code, "busy");
    await setTimeout(1000 * Number(answer.headers["retry-after"]));
    return ask(headers);
  };
  const answers = await Promise.all(Array.from({ length: 16 }, (_, i) => ask(i % 2 ? BROTLI : {})));
  for (const [i, { status, body, error }] of answers.entries()) {
    assert.equal(error, undefined);
    assert.equal(status, 200, body.toString().slice(0, 300));
    assert.ok((i % 2 ? brotliDecompressSync(body) : body).equals(expected));
  }
  const { budget_bytes: budget } = await untilIdle(port);
  if (native) return;
  // It never shrinks, so this is its peak. An isolate has 128 MiB for this and its JavaScript.
  const { wasm_memory_bytes: peak } = await health(port);
  t.diagnostic(`${peak} bytes of wasm memory, ${budget} in the budget`);
  assert.ok(peak <= budget * 1.07 + 3e6 && peak < 100 * 2 ** 20, `${peak} bytes for ${budget}`);
});
