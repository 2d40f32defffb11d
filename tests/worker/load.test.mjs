// Many requests at the same time, more than there is memory for.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";

import { save } from "../../fixtures/hard.mjs";
import { converted, health, native, request, startWorker, untilIdle } from "./harness.mjs";

const MIB = 1 << 20;

/** Pieces of a zip, with pauses when it is slow. */
async function* pieces(zip, pauseMs) {
  const size = 20_000;
  for (let at = 0; at < zip.length; at += size) {
    yield zip.subarray(at, at + size);
    if (pauseMs) await setTimeout(pauseMs);
  }
}

/** The most memory that a native server had so far (proc_pid_status(5)), in bytes: of all its threads, its code included. */
function residentPeak(pid) {
  return readFileSync(`/proc/${pid}/status`, "utf8").match(/^VmHWM:\s+(\d+) kB$/m)[1] * 1024;
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
  test(`of ${requests} uploads at once at quality ${quality}, lgwin ${lgwin} each is converted or told to come back`, async (t) => {
    const { port, pid, log } = await startWorker(t);
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

    let done = 0;
    for (const [i, { status, headers, body, error }] of (await answers).entries()) {
      assert.equal(error, undefined, `request ${i}`);
      if (status === 503) {
        assert.match(headers["retry-after"], /^[1-9][0-9]*$/);
        assert.equal(headers["content-type"], "application/problem+json");
        assert.equal(JSON.parse(body).code, "busy");
      } else {
        assert.equal(status, 200, `request ${i}: ${body}`);
        assert.ok(body.equals(expected[i % zips.length]), `request ${i} has the command-line tool's bytes`);
        done++;
      }
    }
    const rate = (count, ms) => `${((count / ms) * 1000).toFixed(2)} a second`;
    const rates = `${rate(kinds.length, together - alone)} one by one, ${rate(done, performance.now() - together)} together`;
    t.diagnostic(`${done} of ${requests} converted: ${rates}; at most ${JSON.stringify(peak)}`);
    assert.ok(done > 0 && peak.waiting > 0);
    const idle = await untilIdle(port);
    const most = native ? residentPeak(pid) : Math.max(peak.wasm_memory_bytes, idle.wasm_memory_bytes);
    t.diagnostic(`${most} bytes of memory`);
    assert.ok(most < (native ? 130 : 100) * MIB, `${most} bytes: ${JSON.stringify(peak)}`);
    assert.equal(log(), "");

    // The client that was refused finds room now.
    const again = await request(port, { path, body: zips[0] });
    assert.equal(again.status, 200);
    assert.ok(again.body.equals(expected[0]));
  });
}
