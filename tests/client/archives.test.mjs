// The client of stored archives, in node and in Chromium, against the Worker with a bucket; with SERVER=native, against a folder.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { brotliDecompressSync } from "node:zlib";

import { zipSync } from "fflate";

import { Archives, ArchiveError, ticket } from "../../src/client/archives.js";
import { startBrowser } from "../page/harness.mjs";
import { converted, noise, root, run, startWorker } from "../worker/harness.mjs";

const TOKEN = "a-secret-of-the-test";
const lines = Buffer.from("a line of text\n".repeat(200_000));
const meta = Buffer.from('{"date":"1444.11.11"}');
const zip = Buffer.from(zipSync({ "save/gamestate": lines, "meta.json": meta, "noise.bin": noise(9000) }));
const stored = converted(zip, "--streamed", "--quality", 5);
const tarball = brotliDecompressSync(stored);

async function startService(t, vars = {}) {
  const store = mkdtempSync(join(tmpdir(), "recompress-client-"));
  t.after(() => rmSync(store, { recursive: true, force: true }));
  const { port } = await startWorker(t, { store, vars: { RECOMPRESS_TOKEN: TOKEN, ...vars } });
  return `http://127.0.0.1:${port}`;
}

const bytes = async (answer) => Buffer.from(await (await answer).arrayBuffer());
const refused = (code, status) => (error) => {
  assert.ok(error instanceof ArchiveError, `${error}`);
  assert.deepEqual([error.code, error.status], [code, status], error.message);
  return true;
};

test("what is put is what is got, as a whole, as a tarball and by member", async (t) => {
  const archives = new Archives(await startService(t), { token: TOKEN });
  const record = await archives.put("save-1", zip, { quality: 5, name: "My save.zip" });
  assert.deepEqual([record.id, record.members, record.bytes, record.name], ["save-1", 3, stored.length, "My save.zip"]);
  assert.equal(record.zip_sha256, createHash("sha256").update(zip).digest("hex"));
  assert.equal(record.tar_sha256, createHash("sha256").update(tarball).digest("hex"));
  assert.ok((await bytes(archives.get("save-1"))).equals(stored));
  assert.ok((await bytes(archives.get("save-1", { tar: true }))).equals(tarball), "decoded by the runtime");
  assert.ok((await bytes(archives.get("save-1", { range: [3, 15] }))).equals(stored.subarray(3, 15)));
  assert.ok((await bytes(archives.get("save-1", { range: [100] }))).equals(stored.subarray(100)));
  assert.equal((await archives.get("save-1", { ifNoneMatch: record.etag })).status, 304);

  const members = await archives.members("save-1");
  assert.deepEqual(members.map(({ name, size, kind }) => [name, size, kind]), [["save/gamestate", lines.length, "file"], ["meta.json", meta.length, "file"], ["noise.bin", 9000, "file"]]);
  assert.ok((await bytes(archives.read("save-1", "save/gamestate"))).equals(lines));
  assert.ok((await bytes(archives.read("save-1", "meta.json"))).equals(meta));
  await assert.rejects(archives.read("save-1", "save/gamestat"), refused("no_member", 404));
  await archives.delete("save-1");
  await archives.delete("save-1");
  await assert.rejects(archives.record("save-1"), refused("no_archive", 404));
});

test("a stream can be put, an id is made where none is given, and the list has all", async (t) => {
  const archives = new Archives(new URL(await startService(t)), { token: TOKEN });
  const { id } = await archives.put(undefined, new Blob([zip]).stream(), { quality: 5, include: ["*.json", "*.bin"] });
  assert.match(id, /^[\w-]{22}$/);
  assert.deepEqual((await archives.members(id)).map(({ name }) => name), ["meta.json", "noise.bin"]);
  for (const id of ["x-b", "x-a"]) await archives.put(id, new Blob([zip]));
  const ids = async (options) => (await Array.fromAsync(archives.list(options))).map(({ id }) => id);
  assert.deepEqual(await ids({ prefix: "x-" }), ["x-a", "x-b"]);
  assert.deepEqual(await ids(), [id, "x-a", "x-b"].sort());
});

test("nothing is replaced unless its tag is given, and the same zip is not stored twice", async (t) => {
  const archives = new Archives(await startService(t), { token: TOKEN });
  const sha256 = createHash("sha256").update(zip).digest("hex");
  const first = await archives.put("a", zip, { sha256 });
  assert.equal((await archives.put("a", zip, { sha256 })).etag, first.etag);
  await assert.rejects(archives.put("a", zip), refused("exists", 412));
  const second = await archives.put("a", zip, { ifMatch: first.etag, quality: 5 });
  assert.notEqual(second.etag, first.etag);
  await assert.rejects(archives.put("a", zip, { ifMatch: first.etag }), (error) => error.status === 412);
  await assert.rejects(archives.put("b", zip, { sha256: "0".repeat(64) }), (error) => error instanceof ArchiveError && error.status === 400);
  await assert.rejects(archives.put("c", Buffer.from("no zip")), refused("not_zip", 415));
  await assert.rejects(new Archives("http://127.0.0.1:1").record("a"), (error) => !(error instanceof ArchiveError));
});

test("a ticket is good for its id, its size and its time", async (t) => {
  const address = await startService(t);
  const anyone = new Archives(address);
  const until = new Date(Date.now() + 600_000);
  await assert.rejects(anyone.put("a", zip), refused("unauthorized", 401));
  const small = await ticket(TOKEN, { id: "a", bytes: zip.length - 1, until });
  await assert.rejects(anyone.put("a", zip, { ticket: small }), (error) => error.status === 413);
  const late = await ticket(TOKEN, { id: "a", bytes: zip.length, until: 1_700_000_000 });
  await assert.rejects(anyone.put("a", zip, { ticket: late }), refused("unauthorized", 401));
  const forged = await ticket("another", { id: "a", bytes: zip.length, until });
  await assert.rejects(anyone.put("a", zip, { ticket: forged }), refused("unauthorized", 401));
  const good = await ticket(TOKEN, { id: "a", bytes: zip.length, until });
  await assert.rejects(anyone.put("b", zip, { ticket: good }), refused("forbidden", 403));
  assert.equal((await anyone.put("a", zip, { ticket: good })).id, "a");
  assert.ok((await bytes(anyone.read("a", "meta.json"))).equals(meta), "reading is public");
  await assert.rejects(Array.fromAsync(anyone.list()), refused("unauthorized", 401));
});

test("a browser stores with a ticket from another origin, and reads a member that it decodes itself", async (t) => {
  const pages = createServer(({ url }, answer) => {
    const [type, body] = url === "/archives.js" ? ["text/javascript", readFileSync(join(root, "src/client/archives.js"))] : ["text/html", "<!doctype html><title>A page of a backend</title>"];
    answer.writeHead(200, { "content-type": type }).end(body);
  }).listen(0, "127.0.0.1");
  t.after(() => pages.close());
  await once(pages, "listening");
  const origin = `http://127.0.0.1:${pages.address().port}`;
  const address = await startService(t, { RECOMPRESS_ORIGINS: origin });
  const page = await (await startBrowser(t)).newPage();
  await page.goto(origin);
  const permit = await ticket(TOKEN, { id: "from-a-browser", bytes: zip.length, until: new Date(Date.now() + 600_000) });
  const seen = await page.evaluate(
    async ({ address, permit, zip }) => {
      const { Archives } = await import("/archives.js");
      const archives = new Archives(address);
      const file = new File([Uint8Array.from(atob(zip), (letter) => letter.charCodeAt(0))], "save.zip");
      const { members } = await archives.put("from-a-browser", file, { ticket: permit, quality: 5 });
      const refusal = await archives.put("another", file, { ticket: permit }).catch(({ code }) => code);
      const answer = await archives.read("from-a-browser", "save/gamestate");
      const text = await answer.text();
      const names = (await archives.members("from-a-browser")).map(({ name }) => name);
      return { members, refusal, length: text.length, start: text.slice(0, 15), names };
    },
    { address, permit, zip: zip.toString("base64") },
  );
  assert.deepEqual(seen, { members: 3, refusal: "forbidden", length: lines.length, start: "a line of text\n", names: ["save/gamestate", "meta.json", "noise.bin"] });
});

test("its types are right", () => {
  run(join(root, "node_modules/.bin/tsc"), ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2023", "--lib", "es2023,dom,dom.iterable,esnext", "--types", "node", join(root, "tests/client/types.ts")]);
});
