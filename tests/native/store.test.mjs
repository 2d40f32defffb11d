// The store of the native server is a folder, and survives what happens to servers.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";

import { save } from "../../fixtures/hard.mjs";
import { converted, recompress, request, startNative } from "../worker/harness.mjs";
import { zipOf } from "../worker/zip.mjs";

/** Rounds of the test that kills: ROUNDS=20 for the figure in docs/archives.md. */
const ROUNDS = Number(process.env.ROUNDS ?? 6);

const OPEN = { RECOMPRESS_OPEN: "1" };

function folder(t) {
  const store = mkdtempSync(join(tmpdir(), "recompress-store-"));
  t.after(() => rmSync(store, { recursive: true, force: true }));
  return store;
}

/** The names of all files that belong to archives, also unfinished ones. */
const files = (store) => readdirSync(store, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && !entry.name.startsWith("lock")).map(({ name }) => name);

test("killed at any moment of uploads under load, every archive is whole or absent, and the sweep leaves nothing else", async (t) => {
  const store = folder(t);
  const zip = await save({ mib: 7 });
  const expected = converted(zip, "--quality", 5, "--seekable", 1, "--streamed");
  const start = (options = []) => startNative(t, { vars: OPEN, options: ["--store", store, ...options] });
  let [whole, absent, number] = [0, 0, 0];
  // The first round measures how long the uploads take.
  let duration = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const { port, kill } = await start();
    const began = performance.now();
    const ids = Array.from({ length: 3 }, () => `a-${number++}`);
    const uploads = ids.map((id) => request(port, { method: "PUT", path: `/archives/${id}?quality=5`, body: zip }));
    if (round > 0) await setTimeout(Math.random() * duration * 1.2);
    else await Promise.all(uploads);
    duration ||= performance.now() - began;
    await kill();
    const told = await Promise.all(uploads);
    const again = await start();
    for (const [i, id] of ids.entries()) {
      const { status, body } = await request(again.port, { method: "GET", path: `/archives/${id}` });
      if (status === 200) {
        assert.ok(body.equals(expected), `${id} is whole`);
        whole += 1;
      } else {
        assert.equal(status, 404);
        assert.notEqual(told[i].status, 201, `${id} was stored, and is gone`);
        absent += 1;
      }
    }
    await again.kill();
  }
  assert.ok(whole >= 3 && absent > 0, `${whole} whole, ${absent} absent`);
  t.diagnostic(`${whole} whole, ${absent} absent`);
  const { written } = await start(["--sweep", "1", "--orphan-age", "0"]);
  while (!written().includes('"sweep"')) await setTimeout(50);
  const left = files(store);
  assert.equal(left.length, 2 * whole, left.join("\n"));
  assert.ok(left.every((name) => !name.includes("#")));
});

test("a folder serves one server at a time, and keeps archives between runs", async (t) => {
  const store = folder(t);
  const first = await startNative(t, { vars: OPEN, options: ["--store", store] });
  assert.equal((await request(first.port, { method: "PUT", path: "/archives/a", body: zipOf({ a: "one" }) })).status, 201);
  const second = spawnSync(recompress, ["serve", "--port", "0", "--store", store], { timeout: 60_000 });
  assert.deepEqual([second.status, second.stderr.toString()], [1, `recompress: io: cannot serve: --store: ${store}: another server uses this folder\n`]);
  await first.kill();
  const again = await startNative(t, { vars: OPEN, options: ["--store", store] });
  assert.equal((await request(again.port, { method: "GET", path: "/archives/a/members/a" })).body.toString(), "one");
});

test("without a token the folder is closed, and without a folder there are no routes", async (t) => {
  const closed = await startNative(t, { options: ["--store", folder(t)] });
  const { status, body } = await request(closed.port, { method: "GET", path: "/archives" });
  assert.deepEqual([status, JSON.parse(body).code], [500, "misconfigured"]);
  const { port } = await startNative(t);
  assert.equal((await request(port, { method: "GET", path: "/archives" })).status, 404);
});

test("expired archives are swept", async (t) => {
  const store = folder(t);
  const { port } = await startNative(t, { vars: OPEN, options: ["--store", store, "--sweep", "1"] });
  const put = (id, query = "") => request(port, { method: "PUT", path: `/archives/${id}${query}`, body: zipOf({ a: "one" }) });
  await put("stays");
  await put("goes", "?expires=1");
  while (files(store).length > 2) await setTimeout(50);
  assert.ok(files(store).every((name) => name.startsWith("stays")));
});

test("the command line signs tickets", async (t) => {
  const vars = { RECOMPRESS_TOKEN: "s3cret" };
  const { port } = await startNative(t, { vars, options: ["--store", folder(t)] });
  const sign = (...args) => spawnSync(recompress, ["ticket", ...args], { env: { ...process.env, ...vars }, timeout: 60_000 });
  const ticket = sign("a", "--max-bytes", "1000", "--seconds", "60").stdout.toString().trim();
  const put = (id) => request(port, { method: "PUT", path: `/archives/${id}`, body: zipOf({ a: "one" }), headers: { authorization: `Bearer ${ticket}` } });
  assert.equal((await put("b")).status, 403);
  assert.equal((await put("a")).status, 201);
  const refused = sign("a.b");
  assert.equal(refused.status, 1);
  assert.match(refused.stderr.toString(), /^recompress: bad_ticket: /);
});
