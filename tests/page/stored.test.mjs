// Stored archives in the browser package: members by the index, by few bytes of the file, and what is refused. In node with and without
// its own decoder of brotli, and in Chromium, which has none for scripts.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { after, test } from "node:test";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";

import { zipSync } from "fflate";

import { copyOfTen, header, storedFile, tarballOf } from "../../fixtures/stored.mjs";
import { converted, noise, root } from "../worker/harness.mjs";
import { startBrowser } from "./harness.mjs";

const folder = join(root, "build/browser");
const { RecompressError, init, open } = await import(join(folder, "recompress.js"));
await init(readFileSync(join(folder, "core_bg.wasm")));

const lines = (length, seed) => Buffer.from(Array.from(noise(length / 8, seed), (byte, i) => `word_${byte % 50}${i % 9} `).join("")).subarray(0, length);
const members = { meta: lines(3000, 1), gamestate: lines(5 << 20, 2), "folder/ai": lines(40_000, 3), "noise.bin": noise(1_500_000, 4) };
const zip = Buffer.from(zipSync({ ...members, "empty.txt": new Uint8Array(0) }, { level: 1 }));
const indexed = converted(zip, "--quality", 5);
const solid = converted(zip, "--quality", 2);

const contentsOf = async (archive, name) => Buffer.from(await new Response(archive.read(name)).arrayBuffer());
const refusedWith = (code) => (error) => error instanceof RecompressError && error.code === code;
const TEN = Buffer.from("0123456789");
const twoFaced = storedFile([["a", TEN], ["b", TEN]], ({ segments }) => (segments[3].bytes = copyOfTen(1024)));

/** Runs `act` with the platform's decoder, or without one. `act` gets a function that says how many streams it has decoded. */
async function withDecoder(has, act) {
  const before = globalThis.DecompressionStream;
  let count = 0;
  globalThis.DecompressionStream = class extends before {
    constructor(format) {
      if (!has) throw new TypeError(`${format} is not supported`);
      super(format);
    }
    get readable() {
      count += 1;
      return super.readable;
    }
  };
  try {
    await act(() => count);
  } finally {
    globalThis.DecompressionStream = before;
  }
}

/** Serves `files` by their paths, with ranges where `hasRanges`. Counts the bytes that it has sent. */
async function serve(files, { hasRanges = true } = {}) {
  const seen = { sent: 0, requests: 0, changed: false };
  const server = http.createServer((request, answer) => {
    seen.requests += 1;
    const { pathname } = new URL(request.url, "http://localhost");
    const file = files[pathname];
    if (!file) return answer.writeHead(404).end();
    const type = pathname.endsWith(".js") ? "text/javascript" : pathname.endsWith(".wasm") ? "application/wasm" : pathname === "/" ? "text/html" : "application/octet-stream";
    const match = hasRanges && /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? "");
    const headers = { "Content-Type": type, "Cache-Control": "no-store", ETag: seen.changed ? '"2"' : '"1"' };
    const [from, to] = match ? (match[1] ? [Number(match[1]), Number(match[2]) + 1] : [file.length - Number(match[2]), file.length]) : [0, file.length];
    const part = file.subarray(Math.max(from, 0), Math.min(to, file.length));
    const range = { "Content-Range": `bytes ${Math.max(from, 0)}-${Math.max(from, 0) + part.length - 1}/${file.length}` };
    answer.writeHead(match ? 206 : 200, { ...headers, ...(match ? range : {}), "Content-Length": part.length });
    // Piece by piece, so that a client which has enough can leave.
    const send = (at) => {
      if (at >= part.length) return answer.end();
      const piece = part.subarray(at, at + (16 << 10));
      seen.sent += piece.length;
      if (answer.write(piece)) setImmediate(send, at + piece.length);
      else answer.once("drain", () => send(at + piece.length));
    };
    send(0);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => (server.closeAllConnections(), server.close()));
  return { origin: `http://127.0.0.1:${server.address().port}`, seen };
}

const kinds = [["an index", indexed], ["no index", solid], ["no compression", brotliDecompressSync(solid)]];
for (const [kind, file, has] of [true, false].flatMap((has) => kinds.map((kind) => [...kind, has]))) {
  test(`a Blob with ${kind} is listed, and its members are read, ${has ? "with" : "without"} the platform's decoder`, () => withDecoder(has, async (count) => {
    const archive = await open(new Blob([file]));
    assert.equal(archive.indexed, kind === "an index");
    assert.deepEqual([archive.size, archive.transferred, archive.trusted], [file.length, 0, false]);
    assert.deepEqual(archive.members.map(({ name }) => name).toSorted(), [...Object.keys(members), "empty.txt"].toSorted());
    const { mtime, ...ai } = archive.members.find(({ name }) => name === "folder/ai");
    assert.deepEqual(ai, { name: "folder/ai", kind: "file", size: 40_000, mode: 0o644 });
    assert.ok(Math.abs(mtime - Date.now() / 1000) < 2 * 86_400);
    for (const [name, contents] of Object.entries(members)) assert.ok((await contentsOf(archive, name)).equals(contents), name);
    assert.equal((await contentsOf(archive, "empty.txt")).length, 0);
    const tested = await archive.test();
    assert.equal(tested.members, 5);
    assert.equal(archive.trusted, archive.indexed);
    assert.equal(count() > 0, has && kind !== "no compression");
  }));
}

test("two members are read at the same time, and one can be left", async () => {
  const archive = await open(new Blob([indexed]));
  const reader = archive.read("gamestate").getReader();
  const { value } = await reader.read();
  const [noise] = await Promise.all([contentsOf(archive, "noise.bin"), reader.cancel()]);
  assert.ok(noise.equals(Buffer.from(members["noise.bin"])));
  assert.ok(members.gamestate.subarray(0, value.length).equals(value));
});

test("a file that is trusted is decoded by the platform, and a Blob is trusted after its test", async () => {
  await withDecoder(true, async (count) => {
    const archive = await open(new Blob([indexed]));
    await contentsOf(archive, "meta");
    assert.equal(count(), 0, "our decoder reads the files of strangers");
    await archive.test();
    assert.equal(count(), 1, "the platform's reads them from the front");
    const trusted = await open(new Blob([indexed]), { trusted: true });
    for (const one of [archive, trusted]) {
      const before = count();
      for (const [name, contents] of Object.entries(members)) assert.ok((await contentsOf(one, name)).equals(contents), name);
      assert.equal((await contentsOf(one, "empty.txt")).length, 0);
      assert.equal(count(), before + 4);
    }
    const left = trusted.read("gamestate").getReader();
    await left.read();
    await left.cancel();
    // The platform's decoder proves nothing, so the CRC-32 is compared.
    const other = storedFile([["a", TEN]], ({ lines }) => (lines[0].crc ^= 1));
    await assert.rejects(contentsOf(await open(new Blob([other]), { trusted: true }), "a"), refusedWith("bad_member"));
    await assert.rejects((await open(new Blob([twoFaced]))).test(), refusedWith("bad_segment"));
  });
});

test("a file with two faces is refused, and so is an index that tells another story", async () => {
  assert.ok(brotliDecompressSync(twoFaced).equals(tarballOf([["a", TEN], ["b", TEN]])), "from the front it is sound");
  const archive = await open(new Blob([twoFaced]));
  assert.ok((await contentsOf(archive, "a")).equals(TEN));
  await assert.rejects(contentsOf(archive, "b"), refusedWith("bad_segment"));
  await assert.rejects(archive.test(), refusedWith("bad_segment"));
  assert.equal(archive.trusted, false);

  const sound = await open(new Blob([storedFile([["a", TEN], ["b", TEN]])]));
  assert.equal((await sound.test()).members, 2);
  for (const [change, code] of [
    [({ lines }) => (lines[0].name = "c"), "bad_member"],
    [({ lines }) => (lines[0].crc ^= 1), "bad_member"],
    [({ segments }) => (segments[1].bytes[3] ^= 1), "bad_member"],
    [({ segments }) => (segments[0].size -= 1, segments[1].size += 1), "bad_segment"],
  ]) {
    const archive = await open(new Blob([storedFile([["a", Buffer.from(TEN)], ["b", TEN]], change)]));
    await assert.rejects(contentsOf(archive, archive.members[0].name), refusedWith(code), String(change));
    await assert.rejects(archive.test(), refusedWith(code), String(change));
  }
  for (const [change, code] of [
    [({ lines }) => (lines[1].name = "a"), "bad_member"],
    [({ lines }) => (lines[1].name = "../b"), "bad_member"],
    [({ segments }) => (segments[2].size += 1), "bad_index"],
  ]) {
    await assert.rejects(open(new Blob([storedFile([["a", TEN], ["b", TEN]], change)])), refusedWith(code), String(change));
  }
});

test("every prefix and every flipped bit of a small file is an error or changes nothing", async () => {
  const file = storedFile([["a", TEN], ["b", Buffer.from("some text")]]);
  const read = async (bytes) => {
    const archive = await open(new Blob([bytes]));
    const all = await Promise.all(archive.members.map(async ({ name }) => [name, String(await contentsOf(archive, name))]));
    await archive.test();
    return all;
  };
  const expected = await read(file);
  for (let length = 0; length < file.length; length += 97) await assert.rejects(read(file.subarray(0, length)), RecompressError, `${length} bytes`);
  await assert.rejects(read(file.subarray(0, file.length - 1)), RecompressError);
  for (let bit = 0; bit < 8 * file.length; bit += 211) {
    const other = Buffer.from(file);
    other[bit >> 3] ^= 1 << (bit & 7);
    const outcome = await read(other).catch((error) => assert.ok(error instanceof RecompressError, `bit ${bit}: ${error.stack}`));
    if (outcome) assert.deepEqual(outcome, expected, `bit ${bit}`);
  }
});

for (const has of [true, false]) test(`members that are none, and archives that are none, are refused, ${has ? "with" : "without"} the platform's decoder`, () => withDecoder(has, async () => {
  const archive = await open(new Blob([indexed]));
  assert.throws(() => archive.read("nothing"), refusedWith("no_member"));
  const foreign = (tar) => open(new Blob([brotliCompressSync(tar, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })]));
  const tar = tarballOf([["d/x", TEN]]);
  const hardLink = Buffer.concat([header("a", 0, "1"), tar]);
  for (const [what, file, code] of [
    ["an empty file", Buffer.alloc(0), "bad_tar"],
    ["a zip", zip, "bad_tar"],
    ["a cut stream", solid.subarray(0, solid.length - 1), "bad_tar"],
    ["more behind a stream", Buffer.concat([solid, TEN]), "bad_tar"],
    ["a tarball without an end", brotliCompressSync(tar.subarray(0, 1024)), "bad_tar"],
    ["a hard link", brotliCompressSync(Buffer.from(hardLink)), "bad_member"],
    ["a wrong checksum", brotliCompressSync(hardLink.fill("0", 157, 158)), "bad_tar"],
    ["a name that leads outside", brotliCompressSync(tarballOf([["../x", TEN]])), "unsafe_name"],
  ]) {
    await assert.rejects(open(new Blob([file])), refusedWith(code), what);
  }
  // A name that comes twice: the last counts, as it does when the tarball is unpacked.
  const twice = await foreign(tarballOf([["a", Buffer.from("first")], ["a", Buffer.from("second")]]));
  assert.equal(String(await contentsOf(twice, "a")), "second");
  const withFolder = await foreign(Buffer.concat([header("d/", 0, "5"), tarballOf([["d/a", TEN]])]));
  assert.deepEqual(withFolder.members.map(({ kind }) => kind), ["directory", "file"]);
  assert.throws(() => withFolder.read("d/"), refusedWith("bad_member"));
}));

test("a server is asked for the ranges of the index and of the member", async () => {
  const { origin, seen } = await serve({ "/a.tar.br": indexed, "/solid.tar.br": solid });
  const archive = await open(`${origin}/a.tar.br`);
  assert.ok((await contentsOf(archive, "meta")).equals(members.meta));
  assert.ok(seen.sent < 70_000 && seen.requests === 3, `${seen.sent} bytes in ${seen.requests} requests`);
  assert.equal(archive.transferred, seen.sent);
  assert.ok((await contentsOf(archive, "gamestate")).equals(members.gamestate));
  assert.equal((await archive.test()).members, 5);
  assert.equal(archive.trusted, false, "a server could send something else the next time");

  // A reader that leaves gets no more.
  const before = seen.sent;
  const reader = archive.read("gamestate").getReader();
  await reader.read();
  await reader.cancel();
  await assert.rejects(contentsOf({ read: (name) => archive.read(name, { signal: AbortSignal.abort() }) }, "gamestate"), { name: "AbortError" });
  assert.ok(seen.sent - before < indexed.length / 2, `${seen.sent - before} of ${indexed.length} bytes`);

  const through = await open(new URL(`${origin}/solid.tar.br`));
  assert.equal(through.indexed, false);
  assert.ok((await contentsOf(through, "folder/ai")).equals(members["folder/ai"]));

  seen.changed = true;
  await assert.rejects(contentsOf(archive, "gamestate"), refusedWith("io"));
  await assert.rejects(open(`${origin}/nothing`), (error) => refusedWith("io")(error) && /answers 404/.test(error.message));
  await assert.rejects(open("file:///etc/passwd"), refusedWith("io"));
  await assert.rejects(open("http://127.0.0.1:1/a"), refusedWith("io"));
});

test("a server without ranges sends all, once", async () => {
  const { origin, seen } = await serve({ "/a.tar.br": indexed }, { hasRanges: false });
  const archive = await open(`${origin}/a.tar.br`);
  assert.equal(archive.indexed, true);
  for (const [name, contents] of Object.entries(members)) assert.ok((await contentsOf(archive, name)).equals(contents), name);
  assert.deepEqual([seen.requests, seen.sent, archive.transferred], [1, indexed.length, indexed.length]);
});

test("answers that are not what was asked for are refused", async () => {
  const answer = (change) => async (url, init) => {
    const [, start, end] = /bytes=(\d*)-(\d*)/.exec(init.headers.Range);
    const [from, to] = start ? [Number(start), Number(end) + 1] : [indexed.length - Number(end), indexed.length];
    const given = { status: 206, range: `bytes ${from}-${to - 1}/${indexed.length}`, body: indexed.subarray(from, to), etag: '"1"' };
    Object.assign(given, change(given, Boolean(start)));
    return new Response(given.body, { status: given.status, headers: { ...(given.range && { "Content-Range": given.range }), ETag: given.etag } });
  };
  for (const change of [
    () => ({ range: undefined }),
    () => ({ range: `bytes 0-9/${indexed.length}` }),
    () => ({ range: "bytes 5-2/9" }),
    ({ body }) => ({ body: body.subarray(1) }),
    ({ body }) => ({ body: Buffer.concat([body, body]) }),
    (_, later) => later && { etag: '"2"' },
    (_, later) => later && { status: 200 },
    (_, later) => later && { status: 416 },
    ({ range }, later) => later && { range: range.replace(/\d+-/, "1-") },
  ]) {
    const fetch = answer(change);
    await assert.rejects((async () => contentsOf(await open("http://localhost/a", { fetch }), "gamestate"))(), refusedWith("io"), String(change));
  }
  assert.ok((await contentsOf(await open("http://localhost/a", { fetch: answer(() => ({})) }), "meta")).equals(members.meta));
});

test("Chromium reads a member of a stored file by few of its bytes", async (t) => {
  const assets = Object.fromEntries(["recompress.js", "stored.js", "source.js", "loading.js", "core.js", "core_bg.wasm"].map((name) => [`/${name}`, readFileSync(join(folder, name))]));
  const { origin, seen } = await serve({ "/": Buffer.from("<!doctype html>"), "/a.tar.br": indexed, "/solid.tar.br": solid, "/two.tar.br": twoFaced, ...assets });
  const page = await (await startBrowser(t)).newPage();
  await page.goto(origin);
  await page.evaluate(async () => {
    window.recompress = await import("/recompress.js");
    await window.recompress.init();
    window.read = async (from, name) => {
      const archive = await window.recompress.open(from);
      // Not by a Response, which hides the reason of a failure.
      const bytes = new Uint8Array(await new Blob(await Array.fromAsync(archive.read(name))).arrayBuffer());
      const digest = await crypto.subtle.digest("SHA-256", bytes);
      return { length: bytes.length, sha256: Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join(""), transferred: archive.transferred, indexed: archive.indexed };
    };
  });
  const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
  const before = seen.sent;
  const meta = await page.evaluate(() => window.read("/a.tar.br", "meta"));
  const sent = seen.sent - before;
  assert.deepEqual(meta, { length: 3000, sha256: sha256(members.meta), transferred: sent, indexed: true });
  assert.ok(sent <= 70_000, `${sent} bytes`);
  t.diagnostic(`${sent} of ${indexed.length} bytes for a member of ${meta.length}`);
  for (const [path, name] of [["/a.tar.br", "gamestate"], ["/solid.tar.br", "folder/ai"]]) {
    assert.equal((await page.evaluate(([path, name]) => window.read(path, name), [path, name])).sha256, sha256(members[name]), path);
    const blob = await page.evaluate(async ([path, name]) => window.read(await (await fetch(path)).blob(), name), [path, name]);
    assert.equal(blob.sha256, sha256(members[name]), `${path} as a Blob`);
  }
  const code = await page.evaluate(() => window.read("/two.tar.br", "b").catch(({ code }) => code));
  assert.equal(code, "bad_segment");
});
