// Archives in the Worker's bucket: memory during a large upload, the cost of a member, a crowd of uploads and reads, and kills at
// random moments. `make soak`
//
//     node tools/archives.mjs [--only large,member,crowd,kills] [--kills 20] [--mib 100]
//
// With SERVER=native in the environment, `recompress serve` with a folder is killed: --only kills.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";

import { zipSync } from "fflate";

import { save } from "../fixtures/hard.mjs";
import { startBucket } from "../tests/worker/bucket.mjs";
import { allOf, converted, health, native, noise, open, request, startNative, untilIdle } from "../tests/worker/harness.mjs";

const { values: options } = parseArgs({
  options: { only: { type: "string", default: "large,member,crowd,kills" }, kills: { type: "string", default: "20" }, mib: { type: "string", default: "100" } },
});

const MIB = 2 ** 20;
const mib = (bytes) => Number((bytes / MIB).toFixed(1));
const cleanUp = [];
const start = (more) => startBucket({ after: (task) => cleanUp.push(task) }, more);

/** The native server with a folder, with as much of what `start` gives as the kills need. */
async function startFolder({ store }) {
  const serve = (...more) => startNative({ after: (task) => cleanUp.push(task) }, { vars: { RECOMPRESS_OPEN: "1" }, options: ["--store", store, ...more] });
  const server = await serve();
  return {
    ...server,
    get: (path) => request(server.port, { method: "GET", path: `/archives/${path}` }),
    /** All files, also unfinished ones. */
    keys: async () => readdirSync(store, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && !entry.name.startsWith("lock")).map(({ parentPath, name }) => relative(store, join(parentPath, name))),
    /** Ends the server. Another one sweeps, and takes all without a record as left by a kill. */
    async sweep() {
      await server.kill();
      const { written, kill } = await serve("--sweep", "86400", "--orphan-age", "0");
      while (!written().includes('"sweep"')) await setTimeout(50);
      await kill();
    },
  };
}

/** The process of the runtime, a child of miniflare's. */
function workerd({ pid }) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  return children.find((child) => /workerd/.test(readFileSync(`/proc/${child}/cmdline`, "utf8")));
}

const resident = (pid) => readFileSync(`/proc/${pid}/status`, "utf8").match(/^VmRSS:\s+(\d+) kB$/m)[1] * 1024;

/** JavaScript's memory that is in use in the isolate: its heap and its buffers, without garbage and without the wasm's memory. */
async function inspect({ written }) {
  const socket = new WebSocket(new URL("/core:user:recompress", written().match(/inspector on (\S+)/)[1]));
  await new Promise((resolve, reject) => Object.assign(socket, { onopen: resolve, onerror: reject }));
  cleanUp.push(() => socket.close());
  let answer;
  socket.onmessage = ({ data }) => answer(JSON.parse(data).result);
  const ask = (method) => {
    const told = new Promise((resolve) => (answer = resolve));
    socket.send(JSON.stringify({ id: 1, method }));
    return told;
  };
  return async () => {
    // V8 leaves up to 64 MiB of unused buffers until it collects them.
    await ask("HeapProfiler.collectGarbage");
    const { usedSize, embedderHeapUsedSize, backingStorageSize } = await ask("Runtime.getHeapUsage");
    return usedSize + embedderHeapUsedSize + backingStorageSize;
  };
}

/** CPU of all threads of a process, in milliseconds. */
const cpu = (pid) => readdirSync(`/proc/${pid}/task`).reduce((sum, task) => sum + Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]), 0) / 1e6;

/** Samples `take` until `work` ends. */
async function during(work, take) {
  const samples = [];
  let ended = false;
  work.finally(() => (ended = true)).catch(() => {});
  while (!ended) {
    samples.push(await take());
    await setTimeout(500);
  }
  return samples;
}

/** A large upload: memory is flat, and the first part is stored before the upload ends. */
async function large() {
  const worker = await start({ inspected: true });
  const javascript = await inspect(worker);
  const pid = workerd(worker);
  const zip = Buffer.from(zipSync({ noise: [noise(Number(options.mib) * MIB), { level: 0 }] }));
  const expected = converted(zip, "--streamed", "--quality", "5");
  let sent = 0;
  async function* pieces() {
    for (; sent < zip.length; sent += 256 << 10) yield zip.subarray(sent, sent + (256 << 10));
  }
  let firstPart;
  const upload = worker.put("large", undefined, { query: "quality=5", chunks: pieces(), headers: { "content-length": zip.length } });
  const samples = await during(upload, async () => {
    if (firstPart === undefined && worker.uploads().length) firstPart = sent;
    const { wasm_memory_bytes, buffer_bytes } = await health(worker.port);
    return { sent, wasm: wasm_memory_bytes, buffers: buffer_bytes, javascript: await javascript(), resident: resident(pid) };
  });
  const { status, body } = await upload;
  assert.equal(status, 201, `${body}`);
  const back = await worker.get("large");
  assert.ok(back.body.equals(expected), "the stored bytes are the command line's");
  const at = (part) => samples.find(({ sent }) => sent >= part * zip.length) ?? samples.at(-1);
  const figures = [0.25, 0.5, 0.75, 1].map((part) => {
    const { wasm, buffers, javascript, resident } = at(part);
    return { sent: part, wasm_mib: mib(wasm), buffers_mib: mib(buffers), javascript_mib: mib(javascript), process_mib: mib(resident) };
  });
  const most = mib(Math.max(...samples.map(({ wasm, javascript }) => wasm + javascript)));
  console.log("large", JSON.stringify({ zip_mib: mib(zip.length), stored_mib: mib(expected.length), upload_begun_in_r2_after: Number((firstPart / zip.length).toFixed(3)), most_wasm_and_javascript_mib: most, figures }));
  assert.ok(firstPart < zip.length);
}

/** CPU of the runtime per read, in milliseconds. */
async function member() {
  const worker = await start();
  const pid = workerd(worker);
  const zip = await save({ mib: 48 });
  assert.equal((await worker.put("save", zip, { query: "quality=9" })).status, 201);
  await untilIdle(worker.port);
  const cost = async (path, headers, times, ask = worker.get) => {
    let bytes;
    const before = cpu(pid);
    for (let i = 0; i < times; i++) {
      const { status, body } = await ask(path, { headers });
      assert.equal(status, 200, `${body.subarray(0, 200)}`);
      bytes = body.length;
    }
    return { bytes, cpu_ms: Number(((cpu(pid) - before) / times).toFixed(2)) };
  };
  const br = { "accept-encoding": "br" };
  const { contents } = JSON.parse((await worker.get("save/record")).body);
  const figures = {};
  for (const { name, size } of contents) {
    figures[name] = { size, br: await cost(`save/members/${name}`, br, 20), identity: await cost(`save/members/${name}`, {}, size > MIB ? 3 : 20) };
  }
  figures["whole .tar.br"] = await cost("save", {}, 10);
  // What any request costs.
  figures["GET /health"] = await cost("/health", {}, 50, (path) => request(worker.port, { method: "GET", path }));
  console.log("member", JSON.stringify(figures));
}

/** 16 uploads and 200 member reads at once. */
async function crowd() {
  const worker = await start({ inspected: true });
  const javascript = await inspect(worker);
  const pid = workerd(worker);
  const saves = await Promise.all([1, 2].map((seed) => save({ mib: 12, seed })));
  const expected = saves.map((zip) => converted(zip, "--streamed"));
  assert.equal((await worker.put("first", saves[0], { query: "" })).status, 201);
  const { contents } = JSON.parse((await worker.get("first/record")).body);
  const files = new Map();
  for (const { name } of contents) files.set(name, (await worker.get(`first/members/${name}`)).body);
  const before = resident(pid);
  const uploads = Array.from({ length: 16 }, async (_, i) => {
    const { status, body } = await worker.put(`crowd-${i}`, saves[i % 2], { query: "" });
    assert.equal(status, 201, `${body}`);
  });
  const reads = Array.from({ length: 200 }, async (_, i) => {
    const { name } = contents[i % contents.length];
    const { status, body } = await worker.get(`first/members/${name}`);
    assert.equal(status, 200, `${body.subarray(0, 300)}`);
    assert.ok(body.equals(files.get(name)), name);
  });
  const work = Promise.all([...uploads, ...reads]);
  const samples = await during(work, async () => {
    const { wasm_memory_bytes, buffer_bytes, reserved_bytes } = await health(worker.port);
    const heap = await javascript();
    return { wasm: wasm_memory_bytes, buffers: buffer_bytes, javascript: heap, both: wasm_memory_bytes + heap, reserved: reserved_bytes, resident: resident(pid) };
  });
  await work;
  for (let i = 0; i < 16; i++) assert.ok((await worker.get(`crowd-${i}`)).body.equals(expected[i % 2]), `crowd-${i}`);
  const most = (name) => Math.max(...samples.map((sample) => sample[name]));
  console.log("crowd", JSON.stringify({ uploads: 16, reads: 200, wasm_mib: mib(most("wasm")), javascript_mib: mib(most("javascript")), both_mib: mib(most("both")), buffers_mib: mib(most("buffers")), process_grew_mib: mib(most("resident") - before) }));
  assert.ok(most("both") < 110 * MIB, "of the isolate's 128 MiB");
}

/** Kills at random moments of uploads under load: every archive is absent or whole, and the sweep leaves no other object. */
async function kills() {
  const store = mkdtempSync(join(tmpdir(), "recompress-kills-"));
  const zips = [Buffer.from(zipSync({ noise: [noise(11 * MIB), { level: 0 }] })), await save({ mib: 6 })];
  const expected = zips.map((zip) => converted(zip, "--streamed", "--quality", "5", "--lgwin", "18"));
  const begin = native ? startFolder : start;
  const tried = [];
  const counts = { whole: 0, absent: 0 };
  // The first round is not killed: it measures how long the uploads take.
  let duration;
  for (let kill = 0; kill <= Number(options.kills); kill++) {
    const worker = await begin({ store });
    const began = performance.now();
    const going = [0, 1, 0, 1].map((which, i) => {
      const id = `k${kill}-${i}`;
      const attempt = { id, which, told: 0 };
      tried.push(attempt);
      const outgoing = open(worker.port, { method: "PUT", path: `/archives/${id}?quality=5&lgwin=18`, headers: { "content-length": zips[which].length } });
      outgoing.on("error", () => {});
      outgoing.end(zips[which]);
      return once(outgoing, "response").then(([incoming]) => {
        attempt.told = incoming.statusCode;
        return allOf(incoming);
      }).catch(() => {});
    });
    if (duration === undefined) {
      await Promise.all(going);
      duration = performance.now() - began;
    } else await setTimeout(Math.random() * 1.3 * duration);
    await worker.kill();
    await Promise.all(going);
  }
  const worker = await begin({ store });
  for (const { id, which, told } of tried) {
    const { status, body } = await worker.get(id);
    if (status === 404) {
      assert.notEqual(told, 201, `${id} was stored, and is gone`);
      counts.absent += 1;
    } else {
      assert.equal(status, 200, `${id}: ${body.subarray(0, 200)}`);
      assert.ok(body.equals(expected[which]), `${id} is whole`);
      counts.whole += 1;
    }
  }
  const others = async () => (await worker.keys()).filter((key) => !key.startsWith("archives/") || key.includes("#")).length - counts.whole;
  const before = await others();
  await worker.sweep(2);
  const after = await others();
  assert.equal(after, 0, "each object is a record or its blob");
  assert.equal((await worker.keys()).length, 2 * counts.whole);
  console.log("kills", JSON.stringify({ kills: Number(options.kills), uploads: tried.length, ...counts, orphans_before_sweep: before, orphans_after: after }));
}

const parts = { large, member, crowd, kills };
for (const name of options.only.split(",")) await parts[name]();
for (const task of cleanUp.reverse()) await task();
process.exit(0);
