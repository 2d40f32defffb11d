// The option `names` of the browser package: Chromium's TextDecoder gives the command line's names, and node's is refused.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { CHARSETS, bytesOf, codesOf, zipNamed } from "../worker/charsets.mjs";
import { converted, root } from "../worker/harness.mjs";
import { openPage, startBrowser, startSite } from "./harness.mjs";

/** Converts a zip by the package; runs in the page. */
async function convert({ zip, names }) {
  const { init, recompress } = await import("/page/recompress.js");
  await init();
  const bytes = Uint8Array.from(atob(zip), (char) => char.charCodeAt(0));
  const conversion = recompress({ quality: 2, names });
  const pieces = new Blob([bytes]).stream().pipeThrough(conversion);
  const buffer = await new Response(pieces).arrayBuffer().catch(() => {});
  // A response only says that something failed.
  await conversion.summary;
  const result = new Uint8Array(buffer);
  return Array.from(result, (byte) => String.fromCharCode(byte)).join("");
}

test("every character has the same name in Chromium and on the command line", async (t) => {
  const origin = await startSite(t);
  const { page } = await openPage(t, await startBrowser(t), origin);
  for (const { names, label, disputed } of CHARSETS) {
    const { valid, invalid } = await page.evaluate(codesOf, label);
    const bytes = valid.filter((code) => !disputed.includes(code)).map(bytesOf);
    assert.ok(bytes.length > 6000, `${names}: ${bytes.length} characters`);
    const zip = zipNamed(bytes);
    const result = await page.evaluate(convert, { zip: zip.toString("base64"), names });
    assert.deepEqual(Buffer.from(result, "latin1"), converted(zip, "--quality", 2, "--names", names), names);

    const refused = [...disputed, ...invalid.filter((_, index) => index % Math.ceil(invalid.length / 40) === 0)];
    for (const code of refused) {
      const attempt = page.evaluate(convert, { zip: zipNamed([bytesOf(code)]).toString("base64"), names });
      await assert.rejects(attempt, /is not valid|read in different ways/, `${names} ${code.toString(16)}`);
    }
  }
});

test("in node the package refuses the charsets whose decoders have other tables", async () => {
  const folder = join(root, "build/browser");
  const { init, recompress } = await import(join(folder, "recompress.js"));
  await init(readFileSync(join(folder, "core_bg.wasm")));
  for (const names of ["cp932", "big5", "euc-kr"]) {
    await assert.rejects(recompress({ names }).summary, { code: "bad_option", message: /the decoder of this runtime has another table/ });
  }
  const zip = zipNamed([Buffer.from([0x82])]);
  const conversion = recompress({ quality: 2, names: "cp437" });
  const result = await new Response(new Blob([zip]).stream().pipeThrough(conversion)).arrayBuffer();
  assert.deepEqual(Buffer.from(result), converted(zip, "--quality", 2, "--names", "cp437"));
});
