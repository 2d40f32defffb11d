// Listings by the Worker, against the command-line tool; selections of members, and the report, over HTTP.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { before, test } from "node:test";
import { brotliDecompressSync } from "node:zlib";

import { zipSync } from "fflate";

import { save } from "../../fixtures/hard.mjs";
import { converted, noise, open, recompress, request, run, startWorker, untilIdle } from "./harness.mjs";

let zip;
let many;
/** Many members, and a last one that is larger than what is read ahead. */
let large;
before(async () => {
  zip = await save({ mib: 3, seed: 7 });
  const members = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`${i}.txt`, Buffer.from(`number ${i}`)]));
  many = Buffer.from(zipSync(members));
  large = Buffer.from(zipSync({ ...members, noise: [noise(9 << 20), { level: 0 }] }));
});

const LINES = { accept: "application/x-ndjson" };
const lines = (text) => text.toString().trim().split("\n").map((line) => JSON.parse(line));
const listed = (zip, ...options) => run(recompress, ["inspect", ...options, "-"], { input: zip });

test("a zip is listed as the command-line tool lists it", async (t) => {
  const { port } = await startWorker(t);
  for (const [headers, type, options] of [
    [{}, "application/json", ["--json"]],
    [LINES, "application/x-ndjson", ["--lines"]],
  ]) {
    for (const upload of [zip, many]) {
      const { status, headers: answered, body, error } = await request(port, { path: "/inspect", headers, body: upload });
      assert.equal(error, undefined);
      assert.equal(status, 200);
      assert.equal(answered["content-type"], type);
      assert.ok(body.equals(listed(upload, ...options)), "the same text");
    }
  }
  const [meta, gamestate, ai, totals] = lines(listed(zip, "--lines"));
  assert.deepEqual([meta.name, gamestate.name, ai.name], ["meta", "gamestate", "ai"]);
  assert.equal(totals.complete, true);
  assert.equal(totals.zip_bytes, zip.length);
  await untilIdle(port);
});

test("a member is listed while the upload is still going on", async (t) => {
  const { port } = await startWorker(t);
  const outgoing = open(port, { path: "/inspect", headers: LINES });
  outgoing.write(large.subarray(0, 7 << 20));
  const [incoming] = await once(outgoing, "response");
  const pieces = incoming[Symbol.asyncIterator]();
  const { value: first } = await pieces.next();
  assert.equal(lines(first.subarray(0, first.indexOf("\n")))[0].name, "0.txt");
  outgoing.end(large.subarray(7 << 20));
  const parts = [first];
  for await (const piece of pieces) parts.push(piece);
  assert.equal(lines(Buffer.concat(parts)).at(-1).complete, true);
});

test("a zip that turns out to be broken ends its lines with the problem, and breaks off its document", async (t) => {
  const { port } = await startWorker(t);
  const cut = large.subarray(0, large.length - 1);
  const { status, body, error } = await request(port, { path: "/inspect", headers: LINES, chunks: [cut] });
  assert.equal(error, undefined);
  assert.equal(status, 200);
  const last = lines(body).at(-1);
  assert.deepEqual([last.code, last.status], ["truncated", 400]);
  assert.equal(lines(body).filter(({ type }) => type === "member").length, 2001);

  const document = await request(port, { path: "/inspect", chunks: [cut] });
  assert.equal(document.status, 200);
  assert.ok(document.error, "the transfer fails");
  const early = await request(port, { path: "/inspect", headers: LINES, body: Buffer.from("no zip") });
  assert.equal(early.status, 415);
  await untilIdle(port);
});

test("selection, order and report give the command-line tool's bytes", async (t) => {
  const { port } = await startWorker(t);
  for (const [query, options] of [
    ["include=meta&include=ai", ["--include", "meta", "--include", "ai"]],
    ["exclude=game*", ["--exclude", "game*"]],
    ["first=ai", ["--first", "ai"]],
    ["report=1&mode=text", ["--report", "--mode", "text"]],
  ]) {
    const { status, body } = await request(port, { path: `/?quality=5&${query}`, body: zip });
    assert.equal(status, 200);
    assert.ok(body.equals(converted(zip, "--quality", 5, ...options)), query);
  }
  const tar = brotliDecompressSync(converted(zip, "--report"));
  const report = JSON.parse(tar.subarray(-2048, -1024).toString().match(/^1024 comment=(.*)/)[1]);
  const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
  assert.equal(report.zip_sha256, sha256(zip));
  assert.equal(report.tar_sha256, sha256(tar.subarray(0, report.tar_bytes)));
  assert.ok(tar.subarray(0, report.tar_bytes).equals(brotliDecompressSync(converted(zip))), "the tarball without it");
  assert.deepEqual(JSON.parse(converted(zip, "--report").subarray(-1025, -1)), report, "the same at the end of the compressed bytes");
});

test("an estimate is the command-line tool's, but for the memory of the buffers around it", async (t) => {
  const { port } = await startWorker(t);
  const { status, body } = await request(port, { method: "GET", path: "/estimate?zip_bytes=7362225&unpacked_bytes=49853378&members=3" });
  assert.equal(status, 200);
  const { memory_bytes: here, ...found } = JSON.parse(body);
  const limits = ["--max-cpu", 25000, "--max-entries", 131072, "--max-ratio", 250];
  const { memory_bytes: there, ...expected } = JSON.parse(run(recompress, ["estimate", 7362225, 49853378, "--members", 3, "--json", ...limits]));
  assert.deepEqual(found, expected);
  assert.ok(here > 0 && there > 0);
});
