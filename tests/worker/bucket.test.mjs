// Archives in R2, and every way in which storing one can fail: after each, an archive is there as a whole or not at all.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";

import { zipSync } from "fflate";

import { startBucket } from "./bucket.mjs";
import { converted, noise, open, request, startWorker, untilIdle } from "./harness.mjs";

/** Two parts: R2 takes them of 5 MiB. */
const zip = Buffer.from(zipSync({ "noise.bin": noise(6 << 20), "a.txt": Buffer.from("hello\n") }, { level: 0 }));
/** So large that a part is sent while the upload goes on. */
const large = Buffer.from(zipSync({ "noise.bin": noise(10 << 20) }, { level: 0 }));
const small = Buffer.from(zipSync({ "a.txt": Buffer.from("hello\n") }));
const QUERY = "quality=5&lgwin=18";
const stored = converted(zip, "--quality", 5, "--lgwin", 18, "--streamed");

const archives = (keys) => keys.filter((key) => key.startsWith("archives/"));
const blobs = (keys) => keys.filter((key) => key.startsWith("blobs/"));

/** There is no archive, and readers see none. */
async function isAbsent({ get, keys }, id) {
  assert.equal((await get(id)).status, 404);
  assert.deepEqual(archives(await keys()), []);
}

/** The archive is there, and right. */
async function isWhole({ get, keys }, id, expected = stored) {
  const { status, body, error } = await get(id);
  assert.deepEqual([status, error], [200, undefined], `${body.subarray(0, 300)}`);
  assert.ok(body.equals(expected), "the bytes of the command line");
  const all = await keys();
  assert.deepEqual(archives(all), [`archives/${id}`]);
  assert.equal(blobs(all).length, 1);
}

async function remove({ get, fail, keys }, id) {
  await fail(Object.fromEntries(["createMultipartUpload", "uploadPart", "complete", "put", "get", "head"].map((call) => [call, { failures: 0 }])));
  assert.equal((await get(id, { method: "DELETE" })).status, 204);
  assert.deepEqual(await keys(), []);
}

async function eventually(check) {
  for (let left = 1000; !(await check()); left--) {
    assert.ok(left > 0, `after all patience not ${check}`);
    await setTimeout(30);
  }
}

test("a large archive is stored in equal parts, a small one in one piece, and both are the command line's", async (t) => {
  const worker = await startBucket(t);
  assert.equal((await worker.put("small", small, { query: QUERY })).status, 201);
  assert.deepEqual(worker.uploads(), [], "a plain put");
  await isWhole(worker, "small", converted(small, "--quality", 5, "--lgwin", 18, "--streamed"));
  assert.equal((await worker.get("small", { method: "DELETE" })).status, 204);

  const answer = await worker.put("large", zip, { query: QUERY });
  assert.equal(answer.status, 201, `${answer.body}`);
  assert.deepEqual(worker.uploads(), ["completed"]);
  await isWhole(worker, "large");
  const { headers } = await worker.get("large");
  assert.equal(headers["content-length"], String(stored.length));
  const range = await worker.get("large", { headers: { range: `bytes=${(5 << 20) - 3}-${(5 << 20) + 2}` } });
  assert.equal(range.status, 206);
  assert.ok(range.body.equals(stored.subarray((5 << 20) - 3, (5 << 20) + 3)));
  await untilIdle(worker.port);
});

test("an archive that is refused in the middle leaves nothing", async (t) => {
  const worker = await startBucket(t);
  const broken = Buffer.from(zip);
  broken[broken.lastIndexOf("noise.bin")] ^= 0x20;
  for (const [body, code] of [
    [broken, "cd_mismatch"],
    [zip.subarray(0, -1), "truncated"],
    [Buffer.from("no zip"), "not_zip"],
  ]) {
    const answer = await worker.put("broken", body, { query: QUERY });
    assert.equal(JSON.parse(answer.body).code, code);
    await isAbsent(worker, "broken");
    assert.deepEqual(await worker.keys(), []);
  }
  assert.deepEqual(worker.uploads(), ["aborted", "aborted"]);
});

test("a client that leaves leaves nothing", async (t) => {
  const worker = await startBucket(t);
  const outgoing = open(worker.port, { method: "PUT", path: `/archives/left?${QUERY}`, headers: { "content-length": large.length } });
  outgoing.on("error", () => {});
  outgoing.write(large.subarray(0, -1000));
  await eventually(() => worker.uploads().join() === "open");
  outgoing.destroy();
  await eventually(() => worker.uploads().join() === "aborted");
  await isAbsent(worker, "left");
  await untilIdle(worker.port);
  assert.equal((await worker.put("left", zip, { query: QUERY })).status, 201);
  await isWhole(worker, "left");
});

test("a call that fails twice is tried again, and the third time is right", async (t) => {
  const worker = await startBucket(t);
  for (const call of ["createMultipartUpload", "uploadPart", "complete", "put", "get", "head"]) {
    await worker.fail({ [call]: { failures: 2 } });
    const answer = await worker.put("again", zip, { query: QUERY });
    assert.equal(answer.status, 201, `${call}: ${answer.body}`);
    await isWhole(worker, "again");
    await remove(worker, "again");
  }
});

test("storage that keeps failing is a 503, and leaves nothing that a reader sees", async (t) => {
  const worker = await startBucket(t);
  for (const call of ["createMultipartUpload", "uploadPart", "complete", "put"]) {
    await worker.fail({ [call]: { failures: 3 } });
    const answer = await worker.put("failed", zip, { query: QUERY });
    assert.equal(answer.status, 503, `${call}: ${answer.body}`);
    assert.equal(JSON.parse(answer.body).code, "storage");
    await isAbsent(worker, "failed");
    assert.ok(!worker.uploads().includes("open"), call);
    // The bucket may have a blob that no record names.
    await worker.sweep(2);
    assert.deepEqual(await worker.keys(), [], call);
    assert.equal((await worker.put("failed", zip, { query: QUERY })).status, 201);
    await isWhole(worker, "failed");
    await remove(worker, "failed");
  }
});

test("a call whose answer is lost has happened, and is not taken for a failure", async (t) => {
  const worker = await startBucket(t);
  for (const call of ["uploadPart", "complete", "put", "createMultipartUpload"]) {
    await worker.fail({ [call]: { failures: 1, after: true } });
    const answer = await worker.put("lost", zip, { query: QUERY });
    assert.equal(answer.status, 201, `${call}: ${answer.body}`);
    await isWhole(worker, "lost");
    await remove(worker, "lost");
  }
});

test("of uploads of one id at once one is stored, and the others leave nothing", async (t) => {
  const worker = await startBucket(t);
  const answers = await Promise.all([1, 2, 3, 4].map(() => worker.put("race", zip, { query: QUERY })));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 412, 412, 412]);
  await isWhole(worker, "race");
});

test("an upload that is killed leaves nothing that a reader sees, and the sweep leaves nothing at all", async (t) => {
  const first = await startBucket(t);
  const { store } = first;
  assert.equal((await first.put("before", small)).status, 201);
  const outgoing = open(first.port, { method: "PUT", path: `/archives/killed?${QUERY}`, headers: { "content-length": large.length } });
  outgoing.on("error", () => {});
  outgoing.write(large.subarray(0, -1000));
  await eventually(() => first.uploads().join() === "open");
  await first.kill();

  // Between the blob and its record.
  const second = await startBucket(t, { store });
  assert.equal((await second.get("killed")).status, 404);
  await second.fail({ put: { failures: 1e9, after: false } });
  const answer = second.put("orphan", zip, { query: QUERY });
  await eventually(() => second.uploads().join() === "open,completed");
  await second.kill();
  await answer;

  const third = await startBucket(t, { store });
  for (const id of ["killed", "orphan"]) assert.equal((await third.get(id)).status, 404);
  assert.equal((await third.get("before")).status, 200);
  assert.equal(blobs(await third.keys()).length, 2);
  await third.sweep(0);
  assert.equal(blobs(await third.keys()).length, 2, "an upload could still write the record");
  await third.sweep(2);
  const keys = await third.keys();
  assert.deepEqual([archives(keys), blobs(keys).length, keys.length], [["archives/before"], 1, 2]);
  assert.equal((await third.get("before")).status, 200);
  assert.equal((await third.put("killed", zip, { query: QUERY })).status, 201);
});

test("an archive that has expired is gone at once, and the sweep deletes it", async (t) => {
  const worker = await startBucket(t);
  assert.equal((await worker.put("brief", small, { query: "expires=1" })).status, 201);
  assert.equal((await worker.put("long", small, { query: "expires=1000000" })).status, 201);
  await eventually(async () => (await worker.get("brief")).status === 404);
  assert.deepEqual(archives(await worker.keys()), ["archives/brief", "archives/long"]);
  await worker.sweep(0);
  const keys = await worker.keys();
  assert.deepEqual([archives(keys), blobs(keys).length], [["archives/long"], 1]);
  assert.equal((await worker.get("long")).status, 200);
});

test("without a bucket there are no such routes", async (t) => {
  const { port } = await startWorker(t, { vars: { RECOMPRESS_OPEN: "1" } });
  for (const [method, path] of [["GET", "/archives/a"], ["GET", "/archives"], ["DELETE", "/archives/a"], ["POST", "/archives/a/members/b"]]) {
    const { status, body } = await request(port, { method, path });
    assert.ok([404, 405].includes(status), `${method} ${path}: ${status} ${body}`);
  }
});
