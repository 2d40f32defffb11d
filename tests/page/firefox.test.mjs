// The page in a second browser: Firefox converts on the server and by itself, and saves the bytes of the command line.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { zipSync } from "fflate";

import { converted, noise } from "../worker/harness.mjs";
import { startFirefox } from "./firefox.mjs";
import { startSite } from "./harness.mjs";

const origin = await startSite({ after });
const { tab, downloads } = await startFirefox({ after });
const folder = mkdtempSync(join(tmpdir(), "recompress-firefox-zips-"));
after(() => rmSync(folder, { recursive: true }));

const words = Buffer.from(Array.from(noise(300_000), (byte) => `word_${byte % 50} `).join(""));
const path = join(folder, "My save.zip");
const zip = Buffer.from(zipSync({ "words.txt": words, "noise.bin": noise(200_000) }));
writeFileSync(path, zip);
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const text = (id) => tab.evaluate(`document.getElementById(${JSON.stringify(id)}).textContent`);

for (const [place, quality] of [["server", 5], ["browser", 4]]) {
  test(`Firefox converts (${place})`, async () => {
    await tab.goto(origin);
    await tab.until("!document.querySelector('main').hidden");
    await tab.setFiles("#file", path);
    await tab.until("document.getElementById('status').textContent.endsWith('ready to convert.')");
    assert.match(await text("contents"), /2 members/);
    await tab.evaluate(`{
      const quality = document.getElementById("quality");
      quality.value = ${quality};
      quality.dispatchEvent(new Event("input", { bubbles: true }));
      document.querySelector("[value=${place}]").click();
      document.getElementById("convert").click();
    }`);
    await tab.until("!document.getElementById('done').hidden || !document.getElementById('failed').hidden");
    const lgwin = await tab.evaluate("document.getElementById('lgwin').value");
    const expected = converted(zip, "--quality", quality, "--lgwin", lgwin);
    assert.equal(await text("sha256"), sha256(expected), `${await text("failed-title")} ${await text("detail")}`);
    assert.match(await text("sizes"), place === "server" ? /on the server/ : /in this browser/);

    await tab.evaluate("document.getElementById('save').click()");
    const saved = () => existsSync(downloads) && readdirSync(downloads).filter((name) => /^My save.*\.br$/.test(name)).map((name) => readFileSync(join(downloads, name)));
    for (let left = 600; !(saved() || []).some((bytes) => bytes.equals(expected)); left--) {
      assert.ok(left > 0, "the result is not saved");
      await new Promise((rested) => setTimeout(rested, 50));
    }
  });
}

test("Firefox reports a refusal before anything is sent, and complains of nothing", async () => {
  const program = join(folder, "setup.exe");
  writeFileSync(program, "MZ, a program");
  await tab.goto(origin);
  await tab.setFiles("#file", program);
  await tab.until("document.getElementById('status').textContent.endsWith('cannot be converted.')");
  assert.equal(await text("problems"), "This file cannot be converted: it is a Windows program, not a zip.");
  assert.ok(await tab.evaluate("document.getElementById('convert').hidden"));
  assert.deepEqual(tab.complaints, []);
});
