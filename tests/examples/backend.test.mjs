// The example of a backend, in miniflare: it calls the Worker through a service binding and stores in a simulated R2.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { setTimeout } from "node:timers/promises";

import { Miniflare, convertV4MiniflareOptions } from "miniflare";

import { save } from "../../fixtures/hard.mjs";
import { converted, noise, root, service } from "../worker/harness.mjs";

let runtime, base, zip, folder;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "recompress-backend-"));
  const options = {
    workers: [
      {
        name: "backend",
        modules: true,
        script: readFileSync(join(root, "examples/backend/index.js"), "utf8"),
        compatibilityDate: service.compatibilityDate,
        r2Buckets: ["BUCKET"],
        serviceBindings: { RECOMPRESS: "recompress" },
        // A socket without the proxy that miniflare puts in front: it changes how a transfer ends.
        unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
      },
      service,
    ],
  };
  runtime = new Miniflare({ ...convertV4MiniflareOptions(options), resourcePersistencePath: folder });
  await runtime.ready;
  base = await runtime.unsafeGetDirectURL("backend");
  zip = await save({ mib: 46 });
});
after(async () => {
  await runtime.dispose();
  rmSync(folder, { recursive: true });
});

const put = (name, body, options = {}) => fetch(new URL(`/saves/${name}`, base), { method: "PUT", body, ...options });
const listed = async () => (await (await runtime.getR2Bucket("BUCKET", "backend")).list()).objects.map(({ key }) => key);

/** The states of a key's multipart uploads, oldest first, from miniflare's database. R2's API does not list them. */
function uploads(key) {
  const databases = readdirSync(folder, { recursive: true }).filter((name) => /r2.*[0-9a-f]{64}\.sqlite$/.test(name));
  return databases.flatMap((name) => {
    const database = new DatabaseSync(join(folder, name), { readOnly: true, timeout: 10_000 });
    try {
      const rows = database.prepare("SELECT state FROM _mf_multipart_uploads WHERE key = ? ORDER BY rowid").all(key);
      return rows.map(({ state }) => ["open", "completed", "aborted"][state]);
    } finally {
      database.close();
    }
  });
}

async function untilUploads(key, wanted) {
  const deadline = Date.now() + 120_000;
  while (uploads(key).join() !== wanted) {
    assert.ok(Date.now() < deadline, `the uploads of ${key} are ${uploads(key)}, not ${wanted}`);
    await setTimeout(20);
  }
}

test("a zip is stored as the tarball that the command line makes of it", async () => {
  const stored = await put("good.zip", zip);
  assert.equal(stored.status, 201, await stored.clone().text());
  const expected = converted(zip, "--quality", "auto", "--lgwin", "auto");
  const { key, bytes } = await stored.json();
  assert.deepEqual({ key, bytes }, { key: "saves/good.tar.br", bytes: expected.length });
  const read = await fetch(new URL("/saves/good", base));
  assert.equal(read.headers.get("content-type"), "application/x-brotli-compressed-tar");
  assert.ok(Buffer.from(await read.arrayBuffer()).equals(expected));
});

test("a result of several parts is stored whole", async () => {
  // Stored noise: 12 MiB go in and come out, in three parts.
  const large = await storedZip(noise(12 << 20));
  const stored = await put("parts.zip", large);
  assert.equal(stored.status, 201);
  assert.deepEqual(uploads("saves/parts.tar.br"), ["completed"]);
  assert.match((await stored.json()).etag, /-3$/, "three parts");
  const read = await fetch(new URL("/saves/parts", base));
  assert.ok(Buffer.from(await read.arrayBuffer()).equals(converted(large, "--quality", "auto", "--lgwin", "auto")));
});

test("a refusal reaches the client as it is, and nothing is stored", async () => {
  const before = await listed();
  const refused = await put("bad.zip", "no zip at all");
  assert.equal(refused.status, 415);
  assert.equal(refused.headers.get("content-type"), "application/problem+json");
  assert.equal((await refused.json()).code, "not_zip");
  assert.deepEqual(await listed(), before);
  assert.deepEqual(uploads("saves/bad.tar.br"), [], "no upload was begun");
});

test("a zip that breaks in the middle leaves nothing", async () => {
  const before = await listed();
  const large = await storedZip(noise(12 << 20));
  large[large.length - 100] ^= 1; // in the directory, which is read last
  const broken = await put("broken.zip", large);
  assert.equal(broken.status, 502);
  assert.match((await broken.json()).error, /^nothing is stored: crc_mismatch: the zip is damaged: crc-32 of "noise" is /);
  assert.deepEqual(await listed(), before);
  assert.deepEqual(uploads("saves/broken.tar.br"), ["aborted"]);
});

test("a client that leaves in the middle leaves nothing, and the next one is served", async () => {
  const before = await listed();
  const { port } = base;
  // The answer of a small archive would begin after the end of its upload.
  const large = await storedZip(noise(12 << 20));
  const outgoing = http.request({ port, method: "PUT", path: "/saves/left.zip", headers: { "content-length": large.length } });
  outgoing.on("error", () => {});
  outgoing.write(large.subarray(0, 10 << 20));
  await untilUploads("saves/left.tar.br", "open");
  outgoing.destroy();
  await untilUploads("saves/left.tar.br", "aborted");
  assert.equal((await put("next.zip", zip)).status, 201);
  assert.deepEqual(await listed(), [...before, "saves/next.tar.br"].sort());
});

/** A zip with one stored member. */
async function storedZip(contents) {
  const { zipSync } = await import("fflate");
  return Buffer.from(zipSync({ noise: [contents, { level: 0 }] }));
}
