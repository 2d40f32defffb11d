// Only the Worker has these: an edge before it, bindings, and variables read at each request.

import assert from "node:assert/strict";
import { test } from "node:test";

import { strToU8, zipSync } from "fflate";

import { request, startWorker } from "./harness.mjs";

const zip = Buffer.from(zipSync({ "a.txt": strToU8("hello\n") }));

test("the edge rewrites Accept-Encoding, and the client's own header counts", async (t) => {
  const { port } = await startWorker(t);
  for (const [clientAcceptEncoding, type] of [
    ["gzip", "application/x-brotli-compressed-tar"],
    ["", "application/x-brotli-compressed-tar"],
    ["gzip, deflate, br", "application/x-tar"],
  ]) {
    const headers = { accept: "application/x-tar", "accept-encoding": "br, gzip", "cf-blob": JSON.stringify({ clientAcceptEncoding }) };
    assert.equal((await request(port, { headers, body: zip })).headers["content-type"], type, clientAcceptEncoding);
  }
});

test("the edge's word for a request is its id, unless the client has one", async (t) => {
  const { port } = await startWorker(t);
  const id = async (headers) => (await request(port, { method: "GET", path: "/health", headers })).headers["request-id"];
  assert.equal(await id({ "cf-ray": "8c1f-FRA" }), "8c1f-FRA");
  assert.equal(await id({ "cf-ray": "8c1f-FRA", "request-id": "mine" }), "mine");
  assert.equal(await id({ "cf-ray": "8c1f-FRA", "request-id": "not\tmine" }), "8c1f-FRA");
});

/** A rate limit as the platform binds one: of each address, `requests`. */
const limited = (requests) => `import Worker from "./index.js";
const seen = {};
const RATE_LIMIT = { async limit({ key }) { return { success: (seen[key] = (seen[key] ?? 0) + 1) <= ${requests} }; } };
export default class extends Worker {
  constructor(context, env) { super(context, { ...env, RATE_LIMIT }); }
}`;

test("an address with too many requests is told when to retry, and other addresses are served", async (t) => {
  const { port, log, accounts } = await startWorker(t, { entry: limited(2) });
  const convert = (address) => request(port, { headers: { "cf-connecting-ip": address }, body: zip });
  for (const [address, status] of [["192.0.2.1", 200], ["192.0.2.1", 200], ["192.0.2.1", 429], ["192.0.2.2", 200]]) {
    const answer = await convert(address);
    assert.equal(answer.status, status, address);
    if (status === 200) continue;
    assert.equal(answer.headers["retry-after"], "60");
    assert.equal(JSON.parse(answer.body).code, "rate_limited");
  }
  for (let i = 0; i < 5; i++) {
    const headers = { "cf-connecting-ip": "192.0.2.1" };
    assert.equal((await request(port, { method: "GET", path: "/health", headers })).status, 200, "what costs nothing is not limited");
  }
  assert.equal(accounts()[2].outcome, "rate_limited");
  assert.equal(log(), "");
});

test("a failing rate limit lets every request pass, and logs the failure", async (t) => {
  const entry = limited(2).replace("return {", "throw new Error(`none today`); return {");
  const { port, log } = await startWorker(t, { entry });
  assert.equal((await request(port, { body: zip })).status, 200);
  assert.match(log(), /RATE_LIMIT: .*none today/);
});

test("a variable that is wrong fails every request, and the log says which", async (t) => {
  for (const [vars, detail] of [
    [{ RECOMPRESS_QUALITY: "12" }, 'RECOMPRESS_QUALITY is "12", it must be 0 to 11 or auto'],
    [{ RECOMPRESS_QUALTY: "9" }, 'RECOMPRESS_QUALTY is "9", it must be the name of a known variable'],
    [{ RECOMPRESS_TOKEN: "not a token" }, "RECOMPRESS_TOKEN is no token, it must be letters, digits and -._~+/ with = at the end"],
  ]) {
    const { port, log } = await startWorker(t, { vars });
    for (const sent of [{ body: zip }, { method: "GET", path: "/health" }]) {
      const { status, headers, body } = await request(port, sent);
      assert.equal(status, 500);
      assert.equal(headers["content-type"], "application/problem+json");
      const problem = JSON.parse(body);
      assert.equal(problem.code, "misconfigured");
      assert.equal(problem.detail, detail);
    }
    assert.ok(log().includes(detail), log());
  }
});
