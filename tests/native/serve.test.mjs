// Only the native server does these: it ends on a signal, and reports a wrong configuration before it starts.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";

import { save } from "../../fixtures/hard.mjs";
import { answerTo, converted, open, recompress, request, startNative, until, untilIdle } from "../worker/harness.mjs";
import { zipOf } from "../worker/zip.mjs";

/** The request of an upload of which half is sent, and its answer. */
async function halfway(port, zip) {
  const outgoing = open(port, { path: "/?quality=2", headers: { "content-length": zip.length } });
  outgoing.on("error", () => {});
  const answer = answerTo(outgoing);
  answer.catch(() => {});
  outgoing.write(zip.subarray(0, zip.length >> 1));
  await until(port, ({ active }) => active === 1);
  return { outgoing, answer };
}

for (const signal of ["SIGTERM", "SIGINT"]) {
  test(`on ${signal} it finishes the running conversions and accepts no new connection`, async (t) => {
    const zip = await save({ mib: 12 });
    const { port, process, log } = await startNative(t);
    const { outgoing, answer } = await halfway(port, zip);
    process.kill(signal);
    // It takes connections until it has seen the signal.
    for (let refused = false; !refused; ) {
      refused = (await request(port, { method: "GET", path: "/health" })).error?.code === "ECONNREFUSED";
    }
    outgoing.end(zip.subarray(zip.length >> 1));
    const { status, body, error } = await answer;
    assert.equal(error, undefined);
    assert.equal(status, 200);
    assert.ok(body.equals(converted(zip, "--quality", 2)));
    if (process.exitCode === null) await once(process, "exit");
    assert.equal(process.exitCode, 0);
    assert.equal(log(), "");
  });
}

test("a conversion that outlasts the grace period is cut off", async (t) => {
  const { port, process, log } = await startNative(t, { options: ["--grace", "0.2"] });
  await halfway(port, await save({ mib: 12 }));
  process.kill("SIGTERM");
  await once(process, "exit");
  assert.equal(process.exitCode, 0);
  assert.match(log(), /^recompress: ended with some of [12] connections still open\n$/);
});

test("a wrong variable or port is reported before it serves", () => {
  const said = (env, ...options) => {
    const { status, stderr } = spawnSync(recompress, ["serve", "--port", "0", ...options], { env: { ...process.env, ...env }, timeout: 60_000 });
    return [status, stderr.toString()];
  };
  assert.deepEqual(said({ RECOMPRESS_LGWIN: "25" }), [2, 'recompress: misconfigured: RECOMPRESS_LGWIN is "25", it must be 10 to 24 or auto\n']);
  assert.deepEqual(said({ RECOMPRESS_LQWIN: "20" }), [2, 'recompress: misconfigured: RECOMPRESS_LQWIN is "20", it must be the name of a known variable\n']);
  assert.match(said({}, "--address", "192.0.2.1")[1], /^recompress: io: cannot serve: /);
  assert.equal(said({}, "--address", "192.0.2.1")[0], 1);
});

test("an address with too many requests is told when to retry, and what costs nothing is not limited", async (t) => {
  const { port, accounts } = await startNative(t, { options: ["--rate", 2] });
  const zip = zipOf({ a: "one" });
  for (const status of [200, 200, 429]) {
    const answer = await request(port, { body: zip });
    assert.equal(answer.status, status);
    if (status === 200) continue;
    assert.deepEqual([answer.headers["retry-after"], JSON.parse(answer.body).code], ["60", "rate_limited"]);
  }
  for (let i = 0; i < 5; i++) assert.equal((await request(port, { method: "GET", path: "/health" })).status, 200);
  assert.equal(accounts()[2].outcome, "rate_limited");
});

test("/metrics counts the requests that have ended, and has the figures of /health", async (t) => {
  const zip = await save({ mib: 1 });
  const { port } = await startNative(t);
  assert.equal((await request(port, { path: "/?quality=2", body: zip })).status, 200);
  assert.equal((await request(port, { path: "/", body: Buffer.from("no zip") })).status, 415);
  await untilIdle(port);
  const { status, headers, body } = await request(port, { method: "GET", path: "/metrics" });
  assert.equal(status, 200);
  assert.match(headers["content-type"], /^text\/plain; version=0\.0\.4/);
  const lines = body.toString().split("\n");
  for (const line of [
    'recompress_requests_total{route="convert",outcome="ok",status="200"} 1',
    'recompress_requests_total{route="convert",outcome="not_zip",status="415"} 1',
    `recompress_received_bytes_total{route="convert"} ${zip.length + 6}`,
    "recompress_active 0",
    "# TYPE recompress_budget_bytes gauge",
  ]) {
    assert.ok(lines.includes(line), `${line}:\n${body}`);
  }
  assert.ok(lines.every((line) => /^(# (HELP|TYPE) \w+ .*|\w+(\{[^}]*\})? [\d.e+-]+|)$/.test(line)), body.toString());
});

test("a zip named like a subcommand is converted by its path", async (t) => {
  const { status, stderr } = spawnSync(recompress, ["./serve", "-o", "-"], { timeout: 60_000 });
  assert.equal(status, 1);
  assert.match(stderr.toString(), /cannot read \.\/serve/);
});
