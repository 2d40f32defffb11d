// The option `names`: the Worker's TextDecoder and the command line's tables give the same names.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { CHARSETS, bytesOf, codesOf, zipNamed } from "./charsets.mjs";
import { converted, request, startWorker } from "./harness.mjs";

/** The codes of every charset by workerd's own decoder. Node's has other tables. */
async function tables(t) {
  const folder = mkdtempSync(join(tmpdir(), "recompress-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const answer = `new Response(JSON.stringify(${codesOf.name}(new URL(request.url).searchParams.get("label"))))`;
  writeFileSync(join(folder, "index.js"), `${codesOf}\nexport default { fetch: (request) => ${answer} };\n`);
  const { port } = await startWorker(t, { folder });
  return async (label) => JSON.parse((await request(port, { method: "GET", path: `/?label=${label}` })).body);
}

test("every character has the same name in the Worker and on the command line", async (t) => {
  const codes = await tables(t);
  const { port } = await startWorker(t);
  for (const { names, label, disputed } of CHARSETS) {
    const { valid, invalid } = await codes(label);
    const bytes = valid.filter((code) => !disputed.includes(code)).map(bytesOf);
    assert.ok(bytes.length > 6000, `${names}: ${bytes.length} characters`);
    const zip = zipNamed(bytes);
    const response = await request(port, { path: `/?quality=2&names=${names}`, body: zip });
    assert.equal(response.status, 200, `${names}: ${response.body}`);
    assert.deepEqual(response.body, converted(zip, "--quality", 2, "--names", names), names);

    const refused = [...disputed, ...invalid.filter((_, index) => index % Math.ceil(invalid.length / 40) === 0)];
    for (const code of refused) {
      const problem = await request(port, { path: `/?names=${names}`, body: zipNamed([bytesOf(code)]) });
      assert.equal(JSON.parse(problem.body).code, "bad_name", `${names} ${code.toString(16)}`);
    }
  }
});

test("a decoder with another table is not used", async (t) => {
  // A runtime whose decoder has one character otherwise.
  const entry = `
    const { decode } = TextDecoder.prototype;
    TextDecoder.prototype.decode = function (...bytes) { return decode.apply(this, bytes).replaceAll("表", "裏"); };
    export { default } from "./index.js";
    export * from "./index.js";`;
  const { port } = await startWorker(t, { entry });
  const refused = await request(port, { path: "/?names=cp932", body: zipNamed([Buffer.from([0x95, 0x5c])]) });
  assert.equal(refused.status, 400);
  assert.match(JSON.parse(refused.body).detail, /the decoder of this runtime has another table/);
  const { status } = await request(port, { path: "/?names=cp437", body: zipNamed([Buffer.from([0x95])]) });
  assert.equal(status, 200);
});
