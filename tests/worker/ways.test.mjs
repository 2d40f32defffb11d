// The ways in: bodies and forms, options by query and by header, tokens, other origins.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { setTimeout } from "node:timers/promises";

import { strToU8, zipSync } from "fflate";

import { save } from "../../fixtures/hard.mjs";
import { converted, noise, open, recompress, request, run, startWorker, until, untilIdle } from "./harness.mjs";

const zip = Buffer.from(zipSync({ "a.txt": strToU8("hello\n"), "b.txt": strToU8("line\n".repeat(10_000)) }));
/** Larger than what is read ahead, so that its answer begins before its upload ends. */
const huge = Buffer.from(zipSync({ "noise.bin": noise(9 << 20) }, { level: 0 }));
let large;
before(async () => {
  large = await save({ mib: 12 });
});

const boundary = "----limit";
const asForm = { "content-type": `multipart/form-data; boundary=${boundary}` };

/** A form of these fields, followed by a file. */
function* form(fields, ...file) {
  for (const [name, value] of Object.entries(fields)) {
    yield Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`);
  }
  yield Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="zip"; filename="save.zip"\r\nContent-Type: application/zip\r\n\r\n`);
  yield* file;
  yield Buffer.from(`\r\n--${boundary}--\r\n`);
}

test("a form's file becomes the same tarball, with and without a length", async (t) => {
  const { port } = await startWorker(t);
  const expected = converted(large, "--quality", 5, "--lgwin", 20);
  const whole = Buffer.concat([...form({ quality: 5, lgwin: 20 }, large)]);
  for (const [how, upload] of Object.entries({
    "with its length": { body: whole },
    "in chunks of 1000 bytes": { chunks: Array.from({ length: Math.ceil(whole.length / 1000) }, (_, i) => whole.subarray(i * 1000, i * 1000 + 1000)) },
    "in one chunk": { chunks: [whole] },
  })) {
    const { status, headers, body, error } = await request(port, { headers: asForm, ...upload });
    assert.equal(error, undefined, how);
    assert.equal(status, 200, how);
    assert.equal(headers["content-disposition"], 'attachment; filename="save.tar.br"');
    assert.ok(body.equals(expected), how);
  }
  await untilIdle(port);
});

test("a form is converted while it arrives", async (t) => {
  const { port } = await startWorker(t);
  const outgoing = open(port, { path: "/?quality=2", headers: asForm });
  const [first, second] = [huge.subarray(0, 7 << 20), huge.subarray(7 << 20)];
  const parts = [...form({}, first, second)];
  for (const part of parts.slice(0, 2)) outgoing.write(part);
  const [incoming] = await once(outgoing, "response");
  const [begun] = await once(incoming, "data");
  for (const part of parts.slice(2)) outgoing.write(part);
  outgoing.end();
  const answer = [begun];
  for await (const part of incoming) answer.push(part);
  assert.ok(Buffer.concat(answer).equals(converted(huge, "--quality", 2)));
});

test("a form that is cut, or goes on after its file, breaks the transfer that has begun", async (t) => {
  const { port, accounts } = await startWorker(t);
  const whole = Buffer.concat([...form({}, huge)]);
  const behind = Buffer.from(whole.toString("latin1").replace(/--\r\n$/, `\r\nContent-Disposition: form-data; name="quality"\r\n\r\n5\r\n--${boundary}--\r\n`), "latin1");
  for (const [upload, outcome] of [
    [whole.subarray(0, -6), "truncated"],
    [whole.subarray(0, -1000), "truncated"],
    [behind, "bad_form"],
  ]) {
    const answer = await request(port, { path: "/?quality=2", headers: asForm, chunks: [upload] });
    assert.equal(answer.status, 200);
    assert.ok(answer.error && answer.body.length > 0, outcome);
    await untilIdle(port);
    assert.equal(accounts().findLast(({ route }) => route === "convert").outcome, outcome);
  }
});

test("curl's and fetch's forms are taken", async (t) => {
  const { port } = await startWorker(t);
  const folder = mkdtempSync(join(tmpdir(), "recompress-form-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "my save.zip"), zip);
  run("curl", ["-sSfJO", "-F", "lgwin=18", "-F", "quality=5", "-F", "file=@my save.zip", `http://127.0.0.1:${port}/`], { cwd: folder });
  assert.ok(readFileSync(join(folder, "my save.tar.br")).equals(converted(zip, "--quality", 5, "--lgwin", 18)));

  const fields = new FormData();
  fields.set("quality", "5");
  fields.set("file", new Blob([zip]), "save.zip");
  const fetched = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: fields, signal: AbortSignal.timeout(60_000) });
  assert.ok(Buffer.from(await fetched.arrayBuffer()).equals(converted(zip, "--quality", 5)));
});

test("an option means the same in the query, as a header and as a field, and the response names its value", async (t) => {
  const { port } = await startWorker(t);
  const expected = converted(zip, "--quality", 3, "--lgwin", 16);
  for (const sent of [
    { path: "/?quality=3&lgwin=16", body: zip },
    { headers: { "Recompress-Quality": "3", "recompress-lgwin": "16" }, body: zip },
    { path: "/?quality=3&lgwin=16", headers: { "recompress-quality": "3" }, body: zip },
    { path: "/?lgwin=16", headers: asForm, body: Buffer.concat([...form({ quality: 3 }, zip)]) },
  ]) {
    const { status, headers, body } = await request(port, sent);
    assert.equal(status, 200, `${body}`);
    assert.deepEqual([headers["recompress-quality"], headers["recompress-lgwin"]], ["3", "16"]);
    assert.ok(body.equals(expected));
  }
  const name = Buffer.from("déjà vu.zip").toString("latin1");
  const named = await request(port, { headers: { "recompress-name": name }, body: zip });
  assert.equal(named.headers["content-disposition"], `attachment; filename="d_j_ vu.tar.br"; filename*=UTF-8''d%C3%A9j%C3%A0%20vu.tar.br`);
});

test("an automatic window goes by the length, and is the command line's", async (t) => {
  const { port } = await startWorker(t);
  const known = await request(port, { path: "/?lgwin=auto&quality=5", body: large });
  assert.equal(known.headers["recompress-lgwin"], "23");
  assert.ok(known.body.equals(converted(large, "--quality", 5, "--lgwin", 23)));
  const unknown = await request(port, { path: "/?lgwin=auto&quality=5", chunks: [large] });
  assert.equal(unknown.headers["recompress-lgwin"], "22");
  assert.ok(unknown.body.equals(converted(large, "--quality", 5, "--lgwin", "auto")));
});

test("an installation's variables are defaults and bounds", async (t) => {
  const vars = { RECOMPRESS_QUALITY: "2", RECOMPRESS_MAX_QUALITY: "5", RECOMPRESS_MAX_LGWIN: "16" };
  const { port } = await startWorker(t, { vars });
  const answer = await request(port, { body: zip });
  assert.deepEqual([answer.headers["recompress-quality"], answer.headers["recompress-lgwin"]], ["2", "16"]);
  for (const [path, detail] of [
    ["/?quality=6", 'quality is "6", it must be 0 to 5 or auto'],
    ["/?lgwin=17", 'lgwin is "17", it must be 10 to 16 or auto'],
  ]) {
    const { status, body } = await request(port, { path, body: zip });
    assert.equal(status, 400);
    assert.equal(JSON.parse(body).detail, detail);
  }
  const automatic = await request(port, { path: "/?quality=auto&lgwin=auto", body: zip });
  assert.deepEqual([automatic.headers["recompress-quality"], automatic.headers["recompress-lgwin"]], ["5", "16"]);
});

test("a client that waits to be told to continue is told", async (t) => {
  const { port } = await startWorker(t);
  for (const [how, framing, body] of [
    ["with a length", `Content-Length: ${zip.length}`, zip],
    ["without", "Transfer-Encoding: chunked", Buffer.concat([Buffer.from(`${zip.length.toString(16)}\r\n`), zip, Buffer.from("\r\n0\r\n\r\n")])],
  ]) {
    const socket = connect(port, "127.0.0.1");
    t.after(() => socket.destroy());
    socket.write(`POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nExpect: 100-continue\r\n${framing}\r\n\r\n`);
    const received = [];
    socket.on("data", (part) => received.push(part));
    socket.setTimeout(60_000, () => socket.destroy(new Error("no answer")));
    await once(socket, "data");
    socket.write(body);
    await once(socket, "close");
    assert.match(Buffer.concat(received).toString("latin1"), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/, how);
  }
  // Refused by its head alone: the body need not be sent.
  const refused = open(port, { path: "/?quality=12", headers: { expect: "100-continue", "content-length": 1 << 30 } });
  refused.on("error", () => {});
  refused.flushHeaders();
  const [incoming] = await once(refused, "response");
  assert.equal(incoming.statusCode, 400);
  refused.destroy();
});

test("with a token configured, converting needs it and reading does not", async (t) => {
  const { port } = await startWorker(t, { vars: { RECOMPRESS_TOKEN: "open-sesame" } });
  for (const [authorization, status] of [
    ["Bearer open-sesame", 200],
    [undefined, 401],
    ["Bearer open-sesam", 401],
    ["Bearer open-sesame-", 401],
    ["Basic open-sesame", 401],
  ]) {
    const { headers, ...answer } = await request(port, { headers: authorization ? { authorization } : {}, body: zip });
    assert.equal(answer.status, status, authorization);
    if (status === 200) continue;
    assert.equal(headers["www-authenticate"], "Bearer");
    assert.equal(JSON.parse(answer.body).code, "unauthorized");
  }
  for (const path of ["/", "/health", "/docs", "/openapi.json"]) {
    assert.equal((await request(port, { method: "GET", path })).status, 200, path);
  }
});

test("pages of other origins are let in where the installation says so", async (t) => {
  const origin = "https://saves.example";
  const asks = { origin, "access-control-request-method": "POST", "access-control-request-headers": "recompress-quality" };
  const closed = await startWorker(t);
  for (const sent of [{ method: "OPTIONS", headers: asks }, { headers: { origin }, body: zip }]) {
    const { headers } = await request(closed.port, sent);
    assert.deepEqual(Object.keys(headers).filter((name) => name.startsWith("access-control")), []);
  }

  const { port } = await startWorker(t, { vars: { RECOMPRESS_ORIGINS: `${origin} https://other.example` } });
  const preflight = await request(port, { method: "OPTIONS", headers: asks });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.allow, "GET, HEAD, OPTIONS, POST, PUT");
  assert.equal(preflight.headers["access-control-allow-origin"], origin);
  assert.match(preflight.headers["access-control-allow-headers"], /\brecompress-quality\b/);
  for (const [sent, status] of [
    [{ body: zip }, 200],
    [{ body: Buffer.from("not a zip") }, 415],
  ]) {
    const known = await request(port, { ...sent, headers: { origin } });
    assert.equal(known.status, status);
    assert.equal(known.headers["access-control-allow-origin"], origin, "also where it is refused: the page shows why");
    assert.match(known.headers["access-control-expose-headers"], /recompress-mode, recompress-quality/);
    assert.match(known.headers.vary, /\bOrigin\b/);
    const unknown = await request(port, { ...sent, headers: { origin: "https://saves.example.evil" } });
    assert.equal(unknown.headers["access-control-allow-origin"], undefined);
  }
});

test("every path names its methods", async (t) => {
  const store = mkdtempSync(join(tmpdir(), "recompress-store-"));
  t.after(() => rmSync(store, { recursive: true, force: true }));
  const { port } = await startWorker(t, { store, vars: { RECOMPRESS_OPEN: "1" } });
  const { paths } = JSON.parse((await request(port, { method: "GET", path: "/openapi.json" })).body);
  for (const [pattern, operations] of Object.entries(paths)) {
    const path = pattern.replace("{id}", "x").replace("{name}", "save.zip");
    const { status, headers } = await request(port, { method: "OPTIONS", path });
    assert.equal(status, 204, path);
    const described = Object.keys(operations).map((method) => method.toUpperCase());
    if (described.includes("GET")) described.push("HEAD");
    assert.deepEqual(headers.allow.split(", "), [...described, "OPTIONS"].sort(), path);
    const refused = await request(port, { method: "PATCH", path });
    assert.deepEqual([refused.status, refused.headers.allow], [405, headers.allow], path);
  }
});

test("a request is found in the log by its id, with its numbers and without its names", async (t) => {
  const { port, accounts, written, log } = await startWorker(t);
  const account = async (id) => {
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; await setTimeout(20)) {
      const found = accounts().find(({ request_id }) => request_id === id);
      if (found) return found;
    }
    assert.fail(`no account of ${id}: ${written()}`);
  };
  const sent = (id, upload) => request(port, { method: "PUT", path: "/top-secret.zip?quality=2", headers: { "request-id": id }, ...upload });

  const { body } = await sent("whole", { body: large });
  assert.equal((await sent("again", { body: large })).headers["request-id"], "again");
  const whole = await account("whole");
  const { totals } = JSON.parse(run(recompress, ["inspect", "--json", "-"], { input: large }));
  const { work_ns, reserved_bytes, wall_ms, ...words } = whole;
  assert.deepEqual(words, {
    request_id: "whole",
    method: "PUT",
    route: "convert",
    status: 200,
    outcome: "ok",
    bytes_in: large.length,
    bytes_out: body.length,
    quality: 2,
    quality_at_end: 2,
    lgwin: 22,
    members: totals.members,
    unpacked_bytes: totals.size,
  });
  assert.ok(work_ns > 1e6 && reserved_bytes > 1 << 20 && wall_ms >= 0, JSON.stringify(whole));
  const again = { ...(await account("again")), request_id: "whole", wall_ms, reserved_bytes };
  assert.deepEqual(again, whole, "no other number depends on time");

  await sent("refused", { body: Buffer.from("not a zip") });
  const refused = await account("refused");
  assert.deepEqual([refused.status, refused.outcome, refused.bytes_in], [415, "not_zip", 9]);

  await sent("broken", { body: huge.subarray(0, -1) });
  const broken = await account("broken");
  assert.deepEqual([broken.status, broken.outcome, broken.bytes_in], [200, "truncated", huge.length - 1]);
  assert.ok(broken.bytes_out > 0);

  for (const [id, act, status] of [
    ["left-early", (outgoing) => outgoing.write(huge.subarray(0, 1000)), null],
    ["left-late", async (outgoing) => (outgoing.write(huge.subarray(0, 8 << 20)), once(outgoing, "response")), 200],
  ]) {
    const outgoing = open(port, { path: "/?quality=2&lgwin=18", headers: { "request-id": id } });
    outgoing.on("error", () => {});
    await act(outgoing);
    await until(port, ({ active }) => active === 1);
    outgoing.destroy();
    const left = await account(id);
    // A connection that ends is an upload that breaks off, where that is noticed first.
    assert.ok(["client_left", "truncated"].includes(left.outcome), JSON.stringify(left));
    assert.ok(left.status === status || left.outcome === "truncated", JSON.stringify(left));
  }
  assert.doesNotMatch(written(), /top-secret|127\.0\.0\.1(?!:\d+\/$)/m, "no name, and no address but the server's own");
  assert.doesNotMatch(log(), /panicked/);
});
