// Stored archives, on the Worker with a bucket and on the native server with a folder: one suite for both.

import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { brotliDecompressSync } from "node:zlib";

import { save } from "../../fixtures/hard.mjs";
import { answerTo, converted, noise, open, request, startWorker, until, untilIdle } from "./harness.mjs";
import { zipOf } from "./zip.mjs";

const OPEN = { RECOMPRESS_OPEN: "1" };
const TOKEN = "s3cret";
const BEARER = { authorization: `Bearer ${TOKEN}` };

async function start(t, vars = OPEN, options = []) {
  const store = mkdtempSync(join(tmpdir(), "recompress-store-"));
  const server = await startWorker(t, { store, vars, options });
  t.after(() => rmSync(store, { recursive: true, force: true }));
  const ask = (method, path, { headers, body } = {}) => request(server.port, { method, path, headers, body });
  return { ...server, store, ask, get: (path, headers) => ask("GET", path, { headers }) };
}

/** Status and code of an answer. */
function outcome({ status, headers, body }) {
  return headers["content-type"] === "application/problem+json" ? [status, JSON.parse(body).code] : [status];
}

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

test("an upload is stored while it arrives, as the command line converts it, and read in every way", async (t) => {
  const { port, ask, get } = await start(t);
  const zip = await save({ mib: 12 });
  const expected = converted(zip, "--streamed", "--quality", 5, "--seekable", 1);
  const put = await ask("PUT", "/archives/save-1?quality=5&name=save.eu4", { body: zip });
  assert.equal(put.status, 201, put.body.toString());
  assert.equal(put.headers.location, "/archives/save-1");
  const record = JSON.parse(put.body);
  assert.equal(put.headers.etag, `"${record.etag}"`);
  assert.deepEqual([record.bytes, record.zip_sha256, record.members], [expected.length, sha256(zip), 3]);
  const tarball = brotliDecompressSync(expected);
  assert.deepEqual([record.tar_bytes, record.tar_sha256], [tarball.length, sha256(tarball)]);

  const whole = await get("/archives/save-1");
  assert.ok(whole.body.equals(expected));
  assert.equal(whole.headers["content-length"], String(expected.length));
  assert.equal(whole.headers["content-disposition"], 'attachment; filename="save.eu4.tar.br"');
  const encoded = await get("/archives/save-1", { accept: "application/x-tar", "accept-encoding": "br" });
  assert.equal(encoded.headers["content-encoding"], "br");
  assert.ok(encoded.body.equals(expected));
  const part = await get("/archives/save-1", { range: "bytes=100-199" });
  assert.deepEqual([part.status, part.headers["content-range"]], [206, `bytes 100-199/${expected.length}`]);
  assert.ok(part.body.equals(expected.subarray(100, 200)));
  assert.deepEqual(outcome(await get("/archives/save-1", { range: `bytes=${expected.length}-` })), [416, "bad_range"]);
  assert.equal((await get("/archives/save-1", { "if-none-match": put.headers.etag })).status, 304);
  const head = await ask("HEAD", "/archives/save-1");
  assert.deepEqual([head.status, head.headers["content-length"], head.body.length], [200, String(expected.length), 0]);

  const { contents } = JSON.parse((await get("/archives/save-1/record")).body);
  assert.deepEqual(contents.map(({ name }) => name), ["meta", "gamestate", "ai"]);
  for (const { name, size } of contents) {
    const stored = await get(`/archives/save-1/members/${name}`, { "accept-encoding": "br" });
    assert.equal(stored.headers["content-encoding"], size >= 4 << 20 ? "br" : undefined, name);
    const decoded = await get(`/archives/save-1/members/${name}`);
    assert.equal(decoded.body.length, size, name);
    assert.ok((stored.headers["content-encoding"] ? brotliDecompressSync(stored.body) : stored.body).equals(decoded.body), name);
  }
  assert.equal((await ask("DELETE", "/archives/save-1")).status, 204);
  assert.equal((await ask("DELETE", "/archives/save-1")).status, 204);
  assert.deepEqual(outcome(await get("/archives/save-1")), [404, "no_archive"]);
  await untilIdle(port);
});

test("conditions, listings and expiry", async (t) => {
  const { ask, get } = await start(t);
  const [one, two] = [zipOf({ a: "one" }), zipOf({ a: "two" })];
  const put = (id, body, headers, query = "") => ask("PUT", `/archives/${id}${query}`, { body, headers });
  const { etag } = (await put("a", one)).headers;
  const digest = (bytes) => ({ "content-digest": `sha-256=:${createHash("sha256").update(bytes).digest("base64")}:` });
  assert.deepEqual(outcome(await put("a", two)), [412, "exists"]);
  assert.deepEqual(outcome(await put("a", one, digest(one))), [200]);
  assert.deepEqual(outcome(await put("b", one, digest(two))), [400, "bad_digest"]);
  assert.deepEqual(outcome(await put("a", two, { "if-match": '"x"' })), [412, "changed"]);
  assert.deepEqual(outcome(await put("a", two, { "if-match": etag })), [200]);
  assert.deepEqual(outcome(await put("a", one, { "if-match": etag })), [412, "changed"]);
  assert.equal((await get("/archives/a/members/a")).body.toString(), "two");
  assert.deepEqual(outcome(await put("short", one, {}, "?expires=1")), [201]);
  const own = await ask("POST", "/archives", { body: one });
  assert.match(own.headers.location, /^\/archives\/[A-Za-z0-9_-]{22}$/);
  for (const id of ["p-1", "p-2", "p-3"]) await put(id, one);
  const list = async (query) => JSON.parse((await get(`/archives?${query}`)).body);
  const page = await list("prefix=p-&limit=2");
  assert.deepEqual(page.archives.map(({ id }) => id), ["p-1", "p-2"]);
  const rest = await list(`prefix=p-&limit=2&cursor=${encodeURIComponent(page.cursor)}`);
  assert.deepEqual([rest.archives.map(({ id }) => id), rest.cursor], [["p-3"], null]);
  // It is 404 from its second on.
  for (;;) {
    const answer = outcome(await get("/archives/short"));
    if (answer[0] === 404) break;
    assert.deepEqual(answer, [200]);
  }
});

test("a save in an archive is JSON, or a part of it", async (t) => {
  const { get, ask } = await start(t);
  const text = "EU4txt\ndate=1444.11.11\nplayer=\"SWE\"\ncountries={ SWE={ treasury=100.5 } }\n";
  const { body } = await ask("PUT", "/archives/a", { body: zipOf({ gamestate: text, meta: "EU4txt\n" }) });
  assert.deepEqual([JSON.parse(body).save.game, JSON.parse(body).save.date], ["eu4", "1444.11.11"]);
  const whole = await get("/archives/a/json", { "accept-encoding": "br" });
  assert.equal(whole.headers["content-encoding"], "br");
  assert.equal(JSON.parse(brotliDecompressSync(whole.body)).player, "SWE");
  const part = await get("/archives/a/json?select=/countries/SWE/treasury");
  assert.deepEqual(JSON.parse(part.body), { countries: { SWE: { treasury: 100.5 } } });
});

test("what attackers try has its answer", async (t) => {
  const { get, ask } = await start(t, { RECOMPRESS_TOKEN: TOKEN, RECOMPRESS_READ_TOKEN: "reader" });
  const scripts = { "a.html": "<script>", "a.svg": "<svg onload=x>", "a.xml": "<x/>", "a.js": "x()", "a.pdf": "%PDF", "%2e%2e": "odd", "d/e": "" };
  assert.equal((await ask("PUT", "/archives/a", { body: zipOf({ ...scripts, "a.json": "{}" }), headers: BEARER })).status, 201);
  for (const name of ["a.html", "a.svg", "a.xml", "a.js", "a.pdf"]) {
    const { headers } = await get(`/archives/a/members/${name}`);
    assert.equal(headers["content-type"], "application/octet-stream", name);
    assert.equal(headers["content-disposition"], `attachment; filename="${name}"`);
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.equal(headers["content-security-policy"], "sandbox; default-src 'none'");
  }
  assert.equal((await get("/archives/a/members/a.json")).headers["content-type"], "application/json");
  // Requests that do not exist must reach nothing: the same answers on both servers.
  const long = "x".repeat(10_000);
  for (const [path, ...expected] of [
    ["/archives/a/members/", 404, "no_member"],
    ["/archives/a/members/..", 404, "not_found"],
    ["/archives/a/members/../record", 200],
    ["/archives/a/members/%2e%2e/record", 200],
    ["/archives/a/members/%252e%252e", 200],
    ["/archives/a/members/..%2f..%2fetc%2fpasswd", 404, "no_member"],
    ["/archives/a/members//a.json", 404, "no_member"],
    ["/archives/a/members/d", 404, "no_member"],
    ["/archives/a/members\\a.json", 200],
    ["/archives/a/members/x%5c..%5ca.json", 404, "no_member"],
    ["/archives/a/members/a.json%00", 404, "no_member"],
    ["/archives/a/members/%ff", 404, "not_found"],
    ["/archives/a%2frecord", 400, "bad_id"],
    ["/archives/..%2f..%2fblobs", 400, "bad_id"],
    ["/archives/a.b", 400, "bad_id"],
    ["/archives/", 400, "bad_id"],
    [`/archives/${long}`, 400, "bad_id"],
    [`/archives/a/members/${long}`, 404, "no_member"],
  ]) {
    assert.deepEqual(outcome(await get(path)), expected, path.slice(0, 60));
  }
  const ticket = (id, bytes, until, key = TOKEN) => {
    const text = `ticket.${id}.${bytes}.${until}`;
    return { authorization: `Bearer ${text}.${createHmac("sha256", key).update(text).digest("base64url")}` };
  };
  const soon = Math.floor(Date.now() / 1000) + 600;
  const body = zipOf({ a: "one" });
  for (const [method, path, headers, ...expected] of [
    ["PUT", "/archives/t", {}, 401, "unauthorized"],
    ["PUT", "/archives/t", { authorization: "Bearer wrong" }, 401, "unauthorized"],
    ["PUT", "/archives/t", { authorization: "Bearer reader" }, 403, "forbidden"],
    ["PUT", "/archives/t", ticket("t", 1000, soon - 10_000), 401, "unauthorized"],
    ["PUT", "/archives/t", ticket("t", 1000, soon, "guess"), 401, "unauthorized"],
    ["PUT", "/archives/t", ticket("u", 1000, soon), 403, "forbidden"],
    ["PUT", "/archives/t", ticket("t", 10, soon), 413, "too_large_to_store"],
    ["PUT", "/archives/a", ticket("a", 1000, soon), 412, "exists"],
    ["DELETE", "/archives/a", ticket("a", 1000, soon), 403, "forbidden"],
    ["POST", "/archives", ticket("t", 1000, soon), 403, "forbidden"],
    ["GET", "/archives", {}, 401, "unauthorized"],
    ["GET", "/archives", { authorization: "Bearer reader" }, 200],
    ["PUT", "/archives/t", { ...BEARER, origin: "https://evil.example" }, 403, "forbidden"],
    ["PUT", "/archives/t", { ...BEARER, origin: "null" }, 403, "forbidden"],
    ["PUT", "/archives/t", ticket("t", 1000, soon), 201],
  ]) {
    const sent = method === "GET" ? {} : { body };
    assert.deepEqual(outcome(await ask(method, path, { headers, ...sent })), expected, `${method} ${path} ${JSON.stringify(headers)}`);
  }
});

test("a refused upload, and one whose client leaves, leave nothing", async (t) => {
  const { port, get, ask } = await start(t);
  const zip = zipOf({ noise: noise(12 << 20) });
  assert.deepEqual(outcome(await ask("PUT", "/archives/a", { body: zip.subarray(0, zip.length - 9) })), [400, "truncated"]);
  const outgoing = open(port, { method: "PUT", path: "/archives/b?quality=5", headers: { "content-length": zip.length } });
  outgoing.on("error", () => {});
  answerTo(outgoing).catch(() => {});
  outgoing.write(zip.subarray(0, zip.length - 1000));
  // It has its buffers, so it is being stored.
  await until(port, ({ buffer_bytes }) => buffer_bytes > 0);
  outgoing.destroy();
  await untilIdle(port);
  const { archives } = JSON.parse((await get("/archives")).body);
  assert.deepEqual(archives, []);
  // The id is free.
  assert.equal((await ask("PUT", "/archives/b", { body: zipOf({ a: "x" }) })).status, 201);
});

test("uploads and reads at once are all right", async (t) => {
  const { port, get, ask } = await start(t);
  const zip = await save({ mib: 6 });
  const first = await ask("PUT", "/archives/a-0?quality=5", { body: zip });
  assert.equal(first.status, 201, first.body.toString());
  const expected = (await get("/archives/a-0")).body;
  const meta = (await get("/archives/a-0/members/meta")).body;
  const uploads = Array.from({ length: 8 }, (_, i) => ask("PUT", `/archives/a-${i + 1}?quality=5`, { body: zip }));
  const reads = Array.from({ length: 100 }, (_, i) => get(`/archives/a-0/members/${i % 4 ? "meta" : "gamestate"}`, { "accept-encoding": "br" }));
  for (const { status, body } of await Promise.all(uploads)) assert.equal(status, 201, body.toString());
  for (const [i, { status, body }] of (await Promise.all(reads)).entries()) {
    assert.equal(status, 200, body.toString());
    if (i % 4) assert.ok(body.equals(meta));
    else brotliDecompressSync(body);
  }
  for (let i = 1; i <= 8; i++) assert.ok((await get(`/archives/a-${i}`)).body.equals(expected));
  await untilIdle(port);
});
