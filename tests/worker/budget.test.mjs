// The CPU budget: the work that counts against it, and its effect on an automatic quality.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { brotliDecompressSync } from "node:zlib";

import { zipSync } from "fflate";

import { save } from "../../fixtures/hard.mjs";
import { converted, noise, recompress, request, run, startWorker, untilIdle } from "./harness.mjs";

/** The command-line tool's result for a file, whose size it knows. */
function convertedFile(zip, ...options) {
  const folder = mkdtempSync(join(tmpdir(), "recompress-"));
  try {
    const path = join(folder, "a.zip");
    writeFileSync(path, zip);
    return run(recompress, [...options, path, "-o", "-"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Random words of five letters, which are expensive to compress. */
function words(length) {
  const letters = noise(length, 5);
  return letters.map((letter, index) => (index % 6 === 5 ? 32 : 97 + (letter & 7)));
}

test("an automatic quality depends on the known upload size as it does on the command line", async (t) => {
  const { port } = await startWorker(t);
  const zip = await save({ mib: 3 });
  const known = await request(port, { path: "/?quality=auto&lgwin=18", body: zip });
  assert.equal(known.status, 200);
  assert.equal(known.headers["recompress-lgwin"], "18");
  assert.ok(known.body.equals(convertedFile(zip, "--quality", "auto", "--max-cpu", 25_000, "--lgwin", 18)));
  const unknown = await request(port, { path: "/?quality=auto&lgwin=18", chunks: [zip] });
  assert.equal(unknown.headers["recompress-quality"], "9");
  assert.ok(unknown.body.equals(converted(zip, "--quality", "auto", "--max-cpu", 25_000, "--lgwin", 18)));
  assert.ok(Number(known.headers["recompress-quality"]) > 9);
  assert.ok(known.body.length < unknown.body.length);
});

test("an automatic quality is lowered on the way when the archive turns out to cost more", async (t) => {
  const vars = { RECOMPRESS_CPU_MS: "3000" };
  const { port } = await startWorker(t, { vars });
  // The start is cheap and a small part of the zip, so it does not predict the cost of the rest.
  const members = { repetition: Buffer.alloc(8 << 20, noise(1000)), words: words(12 << 20) };
  const zip = Buffer.from(zipSync(members));
  const lowered = await request(port, { path: "/?quality=auto&lgwin=20", chunks: [zip] });
  assert.equal(lowered.status, 200);
  assert.equal(lowered.error, undefined);
  const tar = brotliDecompressSync(lowered.body);
  for (const bytes of Object.values(members)) assert.notEqual(tar.indexOf(bytes), -1, "every member is there, whole");
  assert.ok(lowered.body.equals(converted(zip, "--quality", "auto", "--lgwin", 20, "--max-cpu", vars.RECOMPRESS_CPU_MS)));

  const first = Number(lowered.headers["recompress-quality"]);
  const fixed = converted(zip, "--quality", first, "--lgwin", 20);
  assert.ok(!lowered.body.equals(fixed), `not quality ${first} to the end`);
  assert.ok(first > 2);
});

test("the default quality is lowered where it does not fit, and says so; a quality that is asked for fails", async (t) => {
  const vars = { RECOMPRESS_CPU_MS: "1000" };
  const { port } = await startWorker(t, { vars });
  const zip = Buffer.from(zipSync({ words: words(6 << 20) }));
  for (const upload of [{ body: zip }, { chunks: [zip] }]) {
    const lowered = await request(port, { path: "/?report=1", ...upload });
    assert.equal(lowered.status, 200);
    assert.equal(lowered.error, undefined);
    const limited = ["--max-cpu", vars.RECOMPRESS_CPU_MS, "--report"];
    assert.ok(lowered.body.equals(upload.body ? convertedFile(zip, ...limited) : converted(zip, ...limited)));
    const report = JSON.parse(lowered.body.subarray(-1025, -1));
    assert.equal(String(report.quality), lowered.headers["recompress-quality"]);
    assert.ok(report.quality_at_end < 9, JSON.stringify(report));
  }
  const asked = await request(port, { path: "/?quality=9", body: zip });
  assert.ok(asked.status === 413 || asked.error);
  // Where it fits, the bytes are those of quality 9.
  const small = Buffer.from(zipSync({ words: words(1 << 20) }));
  const { body } = await request(port, { body: small });
  assert.ok(body.equals(converted(small, "--quality", 9)));
});

test("a conversion that would use up the platform's CPU is refused before it does, and the next one is right", async (t) => {
  const { port } = await startWorker(t, { vars: { RECOMPRESS_CPU_MS: "100" } });
  const zip = await save({ mib: 6 });
  const answer = await request(port, { path: "/?quality=9", body: zip });
  // The native server may break off before its last bytes have left it.
  if (answer.status !== 413) assert.ok(answer.error, "a transfer that breaks off");
  else {
    assert.equal(JSON.parse(answer.body).code, "cpu_budget");
  }
  await untilIdle(port);
  const next = await request(port, { path: "/?quality=0", body: zip });
  assert.equal(next.status, 200);
  assert.ok(next.body.equals(converted(zip, "--quality", 0)));
});

test("quality 10 and 11 end where the platform allows them the time", async (t) => {
  const { port } = await startWorker(t, { vars: { RECOMPRESS_CPU_MS: "300000" } });
  const zip = await save({ mib: 3 });
  for (const quality of [10, 11]) {
    const { status, headers, body, error } = await request(port, { path: `/?quality=${quality}`, body: zip });
    assert.equal(status, 200);
    assert.equal(error, undefined);
    assert.equal(headers["recompress-lgwin"], "21", "the largest there is room for");
    assert.ok(body.equals(converted(zip, "--quality", quality, "--lgwin", 21)));
  }
});
