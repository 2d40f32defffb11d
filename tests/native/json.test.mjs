// Binary saves: the native server has their words by --tokens. The Worker has no binary saves.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { zipSync } from "fflate";

import { save } from "../../fixtures/save.mjs";
import { recompress, request, startNative } from "../worker/harness.mjs";

/** `speed=7` and, if `extra`, `0x2999=1`. */
function binary({ extra = false } = {}) {
  const pair = (key, number) => [key, 0x0001, 0x000c, number, 0];
  const words = [...pair(0x2000, 7), ...(extra ? pair(0x2999, 1) : [])];
  return Buffer.concat([Buffer.from("EU4bin"), Buffer.from(new Uint16Array(words).buffer)]);
}

function list(t, text) {
  const folder = mkdtempSync(join(tmpdir(), "recompress-tokens-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "eu4.txt"), text);
  return join(folder, "eu4.txt");
}

test("with a token list a binary save is the same JSON as its text", async (t) => {
  const { port } = await startNative(t, { options: ["--tokens", list(t, "# words\n0x2000 speed\n")] });
  for (const body of [binary(), Buffer.from(zipSync({ gamestate: binary() })), Buffer.from("EU4txt\nspeed=7")]) {
    const answer = await request(port, { path: "/json", body });
    assert.deepEqual([answer.status, answer.body.toString()], [200, '{"speed":7}']);
  }
});

test("a word that the list lacks is an error by option", async (t) => {
  const { port } = await startNative(t, { options: ["--tokens", list(t, "0x2000 speed\n")] });
  const named = await request(port, { path: "/json", body: binary({ extra: true }) });
  assert.equal(named.body.toString(), '{"speed":7,"__unknown_0x2999":1}');
  const refused = await request(port, { path: "/json?unknown=refuse", body: binary({ extra: true }) });
  assert.equal(refused.status, 422);
  assert.equal(JSON.parse(refused.body).code, "unknown_token");
});

test("the generated saves of every game are JSON, and no part of one is", async () => {
  const json = (input, ...options) => spawnSync(recompress, ["json", ...options, "-"], { input, maxBuffer: 1 << 30 });
  for (const kind of ["eu4", "stellaris", "ck3"]) {
    const zip = await save({ kind, mib: 3 });
    for (const keys of ["preserve", "pairs", "group"]) {
      const { status, stdout } = json(zip, "--keys", keys);
      assert.equal(status, 0, `${kind}, ${keys}`);
      assert.ok(Object.keys(JSON.parse(stdout)).length > 1);
    }
    const cut = json(zip.subarray(0, zip.length - 1));
    assert.equal(cut.status, 1);
    assert.throws(() => JSON.parse(cut.stdout));
  }
  for (const kind of ["binary", "ck3-binary"]) {
    const { status, stderr } = json(await save({ kind, mib: 1 }));
    assert.equal(status, 1);
    assert.match(stderr.toString(), /^recompress: binary_save: /);
  }
});

test("a list that cannot be read is reported before the server starts", (t) => {
  const said = (file) => spawnSync(recompress, ["serve", "--port", "0", "--tokens", file], { timeout: 60_000 });
  const wrong = said(list(t, "0x2000 speed\nnonsense\n"));
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr.toString(), /^recompress: bad_tokens: .*eu4.txt: line 2 of the token list/);
  assert.match(said("/nowhere").stderr.toString(), /^recompress: io: cannot read \/nowhere/);
});
