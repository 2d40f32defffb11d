// The wasm's memory as measured, against the reservation. `make memory` measures every quality and window.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Zip, ZipDeflate } from "fflate";

import { adversarial } from "../../fixtures/adversarial.mjs";
import { health, noise, request, reservation, startWorker, untilIdle } from "./harness.mjs";

const MIB = 1 << 20;

/** These are the longest conversions of all tests. */
const patience = 300_000;

/** Longer than two windows; memory does not grow after that (docs/memory.md). The highest qualities are slow. */
const mib = (quality, lgwin) => (lgwin > 22 ? 36 : lgwin > 20 ? 12 : quality > 9 ? 2 : 6);

for (let quality = 0; quality <= 11; quality++) {
  test(`quality ${quality} takes no more memory than is reserved for it, or is refused, with every window`, async (t) => {
    const zips = new Map();
    for (const lgwin of [16, 18, 20, 22, 24]) {
      const { port, accounts } = await startWorker(t, { vars: { RECOMPRESS_CPU_MS: "300000" } });
      const path = `/?quality=${quality}&lgwin=${lgwin}`;
      if (quality > 9 && lgwin > 21) {
        const { status, body } = await request(port, { path, body: Buffer.from("no zip") });
        assert.equal(status, 422);
        const { code, detail } = JSON.parse(body);
        assert.equal(code, "too_much_memory");
        assert.match(detail, /needs \d+ bytes of memory, there are \d+ in all; quality \d+ with lgwin \d+ /);
        continue;
      }
      const length = mib(quality, lgwin);
      if (!zips.has(length)) zips.set(length, adversarial({ mib: length }));
      const zip = zips.get(length);
      const { status, error } = await request(port, { path, headers: { "content-length": zip.length }, chunks: zip.chunks(), patience });
      assert.equal(status, 200);
      assert.equal(error, undefined);
      await untilIdle(port);
      // The encoder at these parameters, and the most that the request held of its upload and its result beside it.
      const query = `quality=${quality}&lgwin=${lgwin}`;
      const [{ reserved_bytes }] = accounts();
      // A small archive is there whole first, and then less is reserved than for any other of its length.
      const isSmall = zip.length <= 4 * MIB;
      const moving = isSmall ? zip.length : reserved_bytes - (await reservation(port, query, zip.length));
      assert.ok(moving >= 0 && moving <= (6 + 16) * MIB, `${moving}`);
      const reserved = (await reservation(port, query)) + moving;
      // It never shrinks, so this is its peak. The wasm's memory exceeds the allocations by the allocator's gaps
      // and, once, its stack and data.
      const { wasm_memory_bytes: peak } = await health(port);
      t.diagnostic(`lgwin ${lgwin}: ${peak} bytes of wasm memory, ${reserved} reserved`);
      assert.ok(peak <= reserved * 1.07 + 3e6, `${peak} bytes for ${reserved} with lgwin ${lgwin}`);
      assert.ok(peak < 100 * MIB);
    }
  });
}

test("an encoder at its peak and all that may be held beside it stay within the budget, and below 100 MiB", async (t) => {
  const { port } = await startWorker(t);
  // Members with data descriptors: the first brings the encoder to its peak, the second is held whole.
  const parts = [];
  const zip = new Zip((error, part) => (error ? assert.fail(error) : parts.push(part)));
  const words = Buffer.concat([...adversarial({ mib: 6 }).chunks()].slice(1, -1));
  for (const [name, contents] of Object.entries({ words, noise: noise(14 * MIB) })) {
    const member = new ZipDeflate(name, { level: 0 });
    zip.add(member);
    member.push(contents, true);
  }
  zip.end();

  const upload = Buffer.concat(parts);
  const { status, error } = await request(port, { chunks: [upload], patience });
  assert.equal(status, 200);
  assert.equal(error, undefined);
  const { wasm_memory_bytes: peak, budget_bytes } = await untilIdle(port);
  t.diagnostic(`${peak} bytes of wasm memory, ${budget_bytes} reserved`);
  assert.ok(peak <= budget_bytes * 1.07 + 3e6 && peak < 100 * MIB, `${peak} bytes for ${budget_bytes}`);
});

test("a second conversion, and one of other parameters, reuses the memory of the first", async (t) => {
  const { port } = await startWorker(t);
  const zip = adversarial({ mib: 4 });
  const convert = async (path) => {
    await request(port, { path, headers: { "content-length": zip.length }, chunks: zip.chunks(), patience });
    return (await health(port)).wasm_memory_bytes;
  };
  const rounds = [];
  for (let round = 0; round < 3; round++) {
    for (const path of ["/?quality=5&lgwin=22", "/?quality=2&lgwin=20", "/?quality=5&lgwin=18"]) await convert(path);
    rounds.push(await convert("/?quality=5&lgwin=22"));
  }
  assert.equal(rounds[2], rounds[1], `constant after the first round: ${rounds}`);
});
