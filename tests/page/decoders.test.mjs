// Other decoders of brotli read our files, and the segments of members served as streams of their own: the brotli command, node's zlib,
// Python's brotli, and Chromium by `Content-Encoding: br`.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { brotliDecompressSync } from "node:zlib";

import { zipSync } from "fflate";

import { converted, noise, root } from "../worker/harness.mjs";
import { startBrowser } from "./harness.mjs";

const folder = join(root, "build/browser");
const { init } = await import(join(folder, "recompress.js"));
const { IndexSearch } = await import(join(folder, "core.js"));
await init(readFileSync(join(folder, "core_bg.wasm")));

const room = mkdtempSync(join(tmpdir(), "recompress-decoders-"));
after(() => rmSync(room, { recursive: true }));

/** Every pair of quality and window with `ALL_DECODERS=1`; 10 and 11 are slow, so otherwise only their outermost windows. */
const windows = (quality) => (quality < 10 || process.env.ALL_DECODERS ? [18, 19, 20, 21, 22, 23, 24] : [18, 24]);
const pairs = [5, 6, 7, 8, 9, 10, 11].flatMap((quality) => windows(quality).map((lgwin) => [quality, lgwin]));

const numbers = noise(300_000, 5);
let text = "";
for (let i = 0; text.length < (1 << 20) + 1000; i = (i + 3) % 299_990) text += `unit_${numbers[i] % 64}={ type=${numbers[i + 1] % 8} strength=${numbers[i + 2]} }\n`;
const members = { meta: Buffer.from("date=1444.11.11\n"), gamestate: Buffer.from(text), ai: Buffer.from(text.slice(0, 5000)), noise: Buffer.from(noise(1 << 20, 6)) };
const zip = Buffer.from(zipSync(members, { level: 1 }));

/** The members of a file that are streams of their own: their names and those streams. */
function alone(file) {
  const search = new IndexSearch(file.length);
  for (let start; (start = search.start) !== undefined; ) search.take(file.subarray(start, search.end));
  const index = search.finish();
  const streams = [];
  for (const [number, { name, size }] of index.members().entries()) {
    const [start, end, from, to] = index.place(number);
    if (from === 0 && to === size) streams.push([name, Buffer.concat([index.before(), file.subarray(start, end), index.after()])]);
  }
  return streams;
}

const streams = pairs.flatMap(([quality, lgwin]) => {
  // Members of a sixteenth are segments of their own, so that 10 and 11 have little to do.
  const file = converted(zip, "--quality", quality, "--lgwin", lgwin, "--seekable", "1", "--segment-bytes", 16 << 20);
  const label = `quality ${quality}, lgwin ${lgwin}`;
  const tar = brotliDecompressSync(file);
  assert.ok(tar.includes(members.gamestate) && tar.includes(members.noise), label);
  const own = alone(file);
  assert.deepEqual(own.map(([name]) => name).toSorted(), ["gamestate", "noise"], label);
  return [[`${label}: all`, file, tar], ...own.map(([name, stream]) => [`${label}: ${name}`, stream, members[name]])];
});
streams.forEach(([, stream], number) => writeFileSync(join(room, `${number}.br`), stream));

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const expected = streams.map(([label, , contents]) => [label, sha256(contents)]);
const labelled = (digests) => digests.map((digest, number) => [streams[number][0], digest]);

test("the brotli command", () => {
  const digests = streams.map((_, number) => sha256(spawnSync("brotli", ["-dc", join(room, `${number}.br`)], { maxBuffer: 1 << 30 }).stdout));
  assert.deepEqual(labelled(digests), expected);
});

test("node's zlib", () => {
  assert.deepEqual(labelled(streams.map(([, stream]) => sha256(brotliDecompressSync(stream)))), expected);
});

test("Python's brotli", () => {
  const program = "import brotli, hashlib, sys\nfor name in sys.argv[1:]: print(hashlib.sha256(brotli.decompress(open(name, 'rb').read())).hexdigest())";
  // The system's Python, which has the system's packages.
  const { stdout, stderr } = spawnSync("/usr/bin/python3", ["-c", program, ...streams.map((_, number) => join(room, `${number}.br`))], { encoding: "utf8" });
  assert.deepEqual(labelled(stdout.trim().split("\n")), expected, stderr);
});

test("Go's brotli", () => {
  // Not by modules: the library is the system's, as Python's is.
  const env = { ...process.env, GO111MODULE: "off", GOFLAGS: "", GOPATH: [process.env.GOPATH, "/usr/share/gocode"].filter(Boolean).join(":") };
  const program = join(import.meta.dirname, "decoders/decode.go");
  const { stdout, stderr } = spawnSync("go", ["run", program, ...streams.map((_, number) => join(room, `${number}.br`))], { encoding: "utf8", env });
  assert.deepEqual(labelled(stdout.trim().split("\n")), expected, stderr);
});

test("Chromium, by Content-Encoding: br", async (t) => {
  const server = http.createServer((request, answer) => {
    const number = Number(request.url.slice(1));
    if (request.url === "/") return answer.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html>");
    answer.writeHead(200, { "Content-Type": "application/octet-stream", "Content-Encoding": "br" }).end(streams[number]?.[1]);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => (server.closeAllConnections(), server.close()));
  const page = await (await startBrowser(t)).newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  const digests = await page.evaluate(async (count) => {
    const digests = [];
    for (let number = 0; number < count; number++) {
      const digest = await crypto.subtle.digest("SHA-256", await (await fetch(`/${number}`)).arrayBuffer());
      digests.push(Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join(""));
    }
    return digests;
  }, streams.length);
  assert.deepEqual(labelled(digests), expected);
});
