// The example for Node: from disk to disk through the service.

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { brotliCompressSync } from "node:zlib";

import { zipSync } from "fflate";

import { convert } from "../../examples/node/convert.mjs";
import { save } from "../../fixtures/hard.mjs";
import { converted, noise, root, run, startWorker } from "../worker/harness.mjs";

let zip;
before(async () => {
  zip = await save({ mib: 12 });
});

/** A folder with a zip, and the address of a service. */
async function setting(t, contents) {
  const { port } = await startWorker(t);
  const folder = mkdtempSync(join(tmpdir(), "recompress-node-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [input, output] = [join(folder, "save.zip"), join(folder, "save.tar.br")];
  writeFileSync(input, contents);
  return { service: `http://127.0.0.1:${port}`, folder, input, output };
}

test("a zip on disk becomes the tarball that the command line makes of it", async (t) => {
  const { service, input, output } = await setting(t, zip);
  const { quality, bytes } = await convert(service, input, output, { quality: 5 });
  const expected = converted(zip, "--quality", 5);
  assert.deepEqual({ quality, bytes }, { quality: 5, bytes: expected.length });
  assert.ok(readFileSync(output).equals(expected));
});

test("the script prints the result's size, and a refusal's code with status 1", async (t) => {
  const { service, folder, input, output } = await setting(t, zip);
  const script = join(root, "examples/node/convert.mjs");
  assert.match(run(process.execPath, [script, service, input, output]).toString(), /^.*save\.tar\.br: \d+ bytes at quality 9\n$/);
  writeFileSync(input, "no zip");
  assert.throws(() => run(process.execPath, [script, service, input, join(folder, "bad.tar.br")]), /status 1\nnot_zip: /);
  assert.ok(!existsSync(join(folder, "bad.tar.br")));
});

test("a transfer that breaks off leaves no file", async (t) => {
  const broken = Buffer.from(zipSync({ noise: [noise(8 << 20), { level: 0 }] }));
  broken[broken.length - 100] ^= 1; // in the directory, which is read last
  const { service, folder, input, output } = await setting(t, broken);
  await assert.rejects(convert(service, input, output));
  assert.deepEqual(readdirSync(folder), ["save.zip"]);
});

/** A proxy that gives `answer` to every request, once it has read it. */
async function proxy(t, status, type, answer) {
  const server = http.createServer((incoming, outgoing) => {
    incoming.resume().on("end", () => outgoing.writeHead(status, { "content-type": type }).end(answer));
  });
  t.after(() => server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const folder = mkdtempSync(join(tmpdir(), "recompress-node-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const input = join(folder, "save.zip");
  writeFileSync(input, "a zip");
  return { service: `http://127.0.0.1:${server.address().port}`, folder, input, output: join(folder, "save.tar.br") };
}

test("a broken transfer that a proxy ends cleanly leaves no file", async (t) => {
  const compressed = brotliCompressSync(noise(1 << 20));
  const kept = [0, 1, compressed.length >> 1, compressed.length - 1];
  for (const length of kept) {
    const { service, folder, input, output } = await proxy(t, 200, "application/x-brotli-compressed-tar", compressed.subarray(0, length));
    await assert.rejects(convert(service, input, output), { message: "unexpected end of file" }, `${length} bytes`);
    assert.deepEqual(readdirSync(folder), ["save.zip"]);
  }
  const { service, input, output } = await proxy(t, 200, "application/x-brotli-compressed-tar", compressed);
  await convert(service, input, output);
  assert.ok(readFileSync(output).equals(compressed));
});

test("an answer that is no brotli leaves no file", async (t) => {
  const { service, folder, input, output } = await proxy(t, 200, "text/html", Buffer.alloc(4 << 20, "<p>Please log in</p>"));
  await assert.rejects(convert(service, input, output));
  assert.deepEqual(readdirSync(folder), ["save.zip"]);
});

test("an error page of a proxy is a refusal with its status", async (t) => {
  const { service, input, output } = await proxy(t, 502, "text/html", "<h1>Bad gateway</h1>");
  await assert.rejects(convert(service, input, output), { code: "status_502", message: "<h1>Bad gateway</h1>" });
});
