// Conversions by the Worker, against the command-line tool and against other readers.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { brotliDecompressSync } from "node:zlib";

import { save as hard } from "../../fixtures/hard.mjs";
import { save } from "../../fixtures/save.mjs";
import { converted, request, root, run, startWorker } from "./harness.mjs";

let small;
before(async () => {
  small = await hard({ mib: 3, seed: 7 });
});

function scratch(t) {
  const folder = mkdtempSync(join(tmpdir(), "recompress-worker-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function* pieces(bytes, size) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test("a save of 50 MB becomes the command-line tool's tarball, which others read as the zip", async (t) => {
  const { port } = await startWorker(t);
  const zip = await save();
  const { status, body, error } = await request(port, { body: zip });
  assert.equal(error, undefined);
  assert.equal(status, 200);
  assert.ok(body.equals(converted(zip)), "the bytes are the command-line tool's");
  assert.ok(body.length < zip.length, `${body.length} bytes are less than ${zip.length}`);

  const folder = scratch(t);
  const tar = join(folder, "save.tar");
  writeFileSync(join(folder, "save.zip"), zip);
  writeFileSync(tar, brotliDecompressSync(body));
  run("python3", [join(root, "tests/writers/oracle.py"), join(folder, "save.zip"), tar]);
  assert.deepEqual(run("tar", ["-tf", tar]).toString().split("\n"), ["gamestate", "meta", "ai", ""]);
});

test("how the upload arrives changes no byte", async (t) => {
  const { port } = await startWorker(t);
  const expected = converted(small);
  for (const [how, upload] of Object.entries({
    "with its length": { body: small },
    "in chunks of 64 KiB": { chunks: pieces(small, 64 << 10) },
    "in chunks of 1000 bytes": { chunks: pieces(small, 1000) },
    "in one chunk": { chunks: [small] },
  })) {
    const { body } = await request(port, upload);
    assert.ok(body.equals(expected), how);
  }
});

test("quality and window are those that were asked for", async (t) => {
  const { port } = await startWorker(t);
  for (const [quality, lgwin] of [
    [0, 22],
    [5, 16],
    [9, 24],
    [11, 10],
  ]) {
    const zip = quality < 10 ? small : await hard({ mib: 0.25 });
    const { body } = await request(port, { path: `/?quality=${quality}&lgwin=${lgwin}`, body: zip });
    assert.ok(body.equals(converted(zip, "--quality", quality, "--lgwin", lgwin)), `quality ${quality}, lgwin ${lgwin}`);
  }
});

test("requests at the same time do not touch each other", async (t) => {
  const { port } = await startWorker(t);
  const zips = await Promise.all([1, 2, 3, 4].map((seed) => hard({ mib: 2, seed })));
  const answers = await Promise.all(zips.map((zip) => request(port, { chunks: pieces(zip, 10_000), path: "/?quality=5" })));
  answers.forEach(({ body }, i) => assert.ok(body.equals(converted(zips[i], "--quality", 5)), `request ${i}`));
});

test("the commands that the page teaches work", async (t) => {
  const { port } = await startWorker(t);
  const { body: page } = await request(port, { method: "GET" });
  const commands = page.toString().match(/(?<=^ {4})(curl|brotli) .*$/gm);
  assert.equal(commands.length, 3);
  const [put, post, unpack] = commands;
  for (const convert of [put, post]) {
    const folder = scratch(t);
    writeFileSync(join(folder, "save.zip"), small);
    run("sh", ["-euc", `${convert}\n${unpack}`], { cwd: folder });
    assert.ok(readFileSync(join(folder, "save.tar.br")).equals(converted(small)), convert);
    run("python3", ["-m", "zipfile", "-e", "save.zip", "unzipped"], { cwd: folder });
    for (const name of ["meta", "gamestate", "ai"]) run("cmp", [name, join("unzipped", name)], { cwd: folder });
  }
});

test("curl uploads from a pipe, with unknown length", async (t) => {
  const { port } = await startWorker(t);
  for (const path of ["/", "/save.zip", "/save.eu4?quality=9"]) {
    const body = run("curl", ["-sSf", "-T", "-", `http://127.0.0.1:${port}${path}`], { input: small });
    assert.ok(body.equals(converted(small)), path);
  }
});

test("curl saves the tarball under the upload's name", async (t) => {
  const { port } = await startWorker(t);
  const folder = scratch(t);
  writeFileSync(join(folder, "my save.zip"), small);
  run("curl", ["-sSfJO", "-T", "my save.zip", `http://127.0.0.1:${port}/`], { cwd: folder });
  assert.ok(readFileSync(join(folder, "my save.tar.br")).equals(converted(small)));
});
