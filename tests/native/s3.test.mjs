// The store of the native server in a bucket of S3. `make test-s3` runs tests/worker/archives.test.mjs on it, too.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";

import { uploads } from "../worker/bucket.mjs";
import { converted, noise, open, recompress, request, root, startNative, startS3, untilIdle } from "../worker/harness.mjs";
import { zipOf } from "../worker/zip.mjs";

const OPEN = { RECOMPRESS_OPEN: "1" };

/** More than two parts of 5 MiB. */
const large = zipOf({ "noise.bin": noise(12 << 20) });

async function bucket(t) {
  const folder = mkdtempSync(join(tmpdir(), "recompress-s3-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const s3 = await startS3(t, folder);
  const start = (options = []) => startNative(t, { vars: { ...OPEN, ...s3.vars }, options: ["--store", s3.address, ...options] });
  return { ...s3, start, uploads: () => uploads(folder) };
}

const put = ({ port }, id, body, query = "quality=5") => request(port, { method: "PUT", path: `/archives/${id}?${query}`, body });
const get = ({ port }, path) => request(port, { method: "GET", path: `/archives/${path}` });

async function eventually(check) {
  for (let left = 1000; !(await check()); left--) {
    assert.ok(left > 0, `after all patience not ${check}`);
    await setTimeout(30);
  }
}

/** Runs a server that must refuse to start, without blocking this process; resolves to its status and message. */
async function refusal(vars, address) {
  const server = spawn(recompress, ["serve", "--port", "0", "--store", address], { env: { ...process.env, ...vars }, timeout: 120_000 });
  const errors = [];
  server.stderr.on("data", (part) => errors.push(part));
  const [status] = await once(server, "close");
  return { status, message: Buffer.concat(errors).toString() };
}

test("a bucket keeps the contract of a store", async (t) => {
  const { vars } = await bucket(t);
  const args = ["test", "--features", "recompress-cli/s3", "--bins", "a_bucket_keeps_the_contract_of_a_store", "--", "--ignored"];
  // The compiler of the wasm is another one: with it, cargo would build everything again.
  const env = { ...process.env, ...vars, RUSTC: undefined, SYSROOT: undefined };
  const { status, stdout, stderr } = spawnSync("cargo", args, { cwd: root, env, encoding: "utf8", timeout: 500_000 });
  assert.equal(status, 0, `${stdout}${stderr}`);
  assert.match(stdout, /a_bucket_keeps_the_contract_of_a_store \.\.\. ok/);
});

test("a large archive goes to the bucket in parts, and what is refused or given up is aborted", async (t) => {
  const s3 = await bucket(t);
  const server = await s3.start();
  assert.equal((await put(server, "small", zipOf({ a: "one" }))).status, 201);
  assert.deepEqual(s3.uploads(), [], "a plain put");
  assert.equal((await put(server, "large", large)).status, 201);
  assert.deepEqual(s3.uploads(), ["completed"]);
  assert.ok((await get(server, "large")).body.equals(converted(large, "--quality", 5, "--seekable", 1, "--streamed")));
  assert.equal((await put(server, "cut", large.subarray(0, -9))).status, 400);
  assert.deepEqual(s3.uploads(), ["completed", "aborted"]);
  const outgoing = open(server.port, { method: "PUT", path: "/archives/left?quality=5", headers: { "content-length": large.length } });
  outgoing.on("error", () => {});
  outgoing.write(large.subarray(0, -1000));
  await eventually(() => s3.uploads().at(-1) === "open");
  outgoing.destroy();
  await eventually(() => s3.uploads().at(-1) === "aborted");
  for (const id of ["cut", "left"]) assert.equal((await get(server, id)).status, 404);
  await untilIdle(server.port);
});

test("several servers share a bucket: of uploads of one id at once, one is stored", async (t) => {
  const s3 = await bucket(t);
  const servers = await Promise.all([s3.start(), s3.start()]);
  const zips = [zipOf({ a: "one" }), zipOf({ a: "two" })];
  for (let round = 0; round < 5; round++) {
    const answers = await Promise.all(servers.flatMap((server, i) => [put(server, `race-${round}`, zips[i]), put(server, `race-${round}`, zips[i])]));
    const statuses = answers.map(({ status }) => status);
    assert.deepEqual([...statuses].sort(), [201, 412, 412, 412]);
    const winner = zips[statuses.indexOf(201) < 2 ? 0 : 1];
    for (const server of servers) {
      const { body } = await get(server, `race-${round}/members/a`);
      assert.equal(body.toString(), winner === zips[0] ? "one" : "two");
    }
  }
});

test("expired archives, and what killed uploads have left, are swept", async (t) => {
  const s3 = await bucket(t);
  const first = await s3.start();
  assert.equal((await put(first, "stays", zipOf({ a: "one" }))).status, 201);
  assert.equal((await put(first, "goes", zipOf({ a: "one" }), "expires=1")).status, 201);
  await first.kill();
  const second = await s3.start(["--sweep", "1", "--orphan-age", "0"]);
  await eventually(() => second.written().includes('"expired":1'));
  await eventually(() => second.written().trim().endsWith('{"sweep":{"blobs":1,"expired":0,"orphans":0,"unfinished":0}}'));
  assert.equal((await get(second, "stays/members/a")).body.toString(), "one");
});

test("a bucket that cannot be used is refused at the start", async (t) => {
  const { vars, address } = await bucket(t);
  for (const [wrong, of, expected] of [
    [{ AWS_SECRET_ACCESS_KEY: "another" }, address, /SignatureDoesNotMatch|403/],
    [{}, "s3://nowhere", /there is no such bucket/],
    [{}, "s3://archives/a b", /the address is s3:\/\/BUCKET/],
    [{ AWS_ALLOW_HTTP: "false" }, address, /./],
  ]) {
    const { status, message } = await refusal({ ...OPEN, ...vars, ...wrong }, of);
    assert.equal(status, 1, message);
    assert.ok(message.startsWith(`recompress: io: cannot serve: --store: ${of}: `), message);
    assert.match(message, expected);
  }
});

test("a service that ignores the conditions of writes is refused at the start", async (t) => {
  const service = createServer((asked, answer) => {
    asked.resume();
    asked.on("end", () => answer.writeHead(200, { etag: '"1"' }).end());
  });
  service.listen(0, "127.0.0.1");
  await once(service, "listening");
  t.after(() => service.close());
  const vars = { AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "secret", AWS_ENDPOINT_URL: `http://127.0.0.1:${service.address().port}`, AWS_ALLOW_HTTP: "true" };
  const { status, message } = await refusal({ ...OPEN, ...vars }, "s3://archives");
  assert.deepEqual([status, message], [1, "recompress: io: cannot serve: --store: s3://archives: its service ignores If-Match or If-None-Match of writes\n"]);
});
