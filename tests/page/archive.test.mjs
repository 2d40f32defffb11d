// A stored archive on the page: its members are listed and saved, and what is wrong with it is said.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { brotliDecompressSync } from "node:zlib";

import { zipSync } from "fflate";

import { texts } from "../../src/page/texts.js";
import { copyOfTen, storedFile, tarballOf } from "../../fixtures/stored.mjs";
import { converted, noise, root } from "../worker/harness.mjs";
import { choose, openPage, startBrowser, startSite } from "./harness.mjs";

const origin = await startSite({ after });
const browser = await startBrowser({ after });

const save = Buffer.from(noise(2 << 20, 7).map((byte) => 97 + (byte % 16)));
const zip = zipSync({ meta: Buffer.from("date=1444.11.11\n"), gamestate: save, "folder/ai": Buffer.from("ai"), "folder/": new Uint8Array(0) }, { level: 1 });
const stored = converted(Buffer.from(zip), "--quality", 5);
const axe = readFileSync(join(root, "node_modules/axe-core/axe.min.js"), "utf8");
const TEN = Buffer.from("0123456789");

/** Chooses an archive, and waits until the page has looked into it. */
async function openArchive(page, name, buffer) {
  await page.setInputFiles("#file", { name, mimeType: "application/x-tar", buffer });
  await page.waitForFunction(
    ({ name, reading }) => document.getElementById("archive-name").textContent === name && document.getElementById("status").textContent !== reading,
    { name, reading: texts.reading },
  );
}

async function saveMember(page, name) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(`[aria-label="${texts.saveAs(name)}"]`)]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

const problem = (page) => page.textContent("#archive-problem");

for (const [scheme, width] of [["light", 1280], ["dark", 1280], ["light", 390]]) {
  test(`the members of a .tar.br are listed and saved, ${scheme}, at ${width} px`, async (t) => {
    const { page, requests } = await openPage(t, browser, origin, { colorScheme: scheme, viewport: { width, height: 900 }, reducedMotion: "reduce" });
    await openArchive(page, "1444.tar.br", stored);
    const asked = requests.length;
    assert.match(await page.textContent("#archive-contents"), /^\d.*\sMB · 4 members · 2\.10\sMB unpacked$/);
    const rows = await page.$$eval("#archive-members tr", (rows) => rows.map((row) => Array.from(row.cells, (cell) => cell.textContent)));
    assert.deepEqual(rows.toSorted(), [["folder/", "", ""], ["folder/ai", "2\u00a0bytes", "Save"], ["gamestate", "2.10\u00a0MB", "Save"], ["meta", "16\u00a0bytes", "Save"]]);
    const member = await saveMember(page, "folder/ai");
    assert.deepEqual([member.name, String(member.bytes)], ["ai", "ai"]);
    const { bytes } = await saveMember(page, "gamestate");
    assert.ok(bytes.equals(save));
    assert.equal(await page.textContent("#status"), texts.memberSaved("gamestate"));
    assert.equal(await page.isVisible("#archive-problem"), false);
    const { seen, full } = await page.evaluate(() => ({ seen: document.documentElement.clientWidth, full: document.documentElement.scrollWidth }));
    assert.ok(full <= seen, `${full} px in ${seen}`);
    assert.deepEqual(requests.slice(asked).filter((request) => !request.url().startsWith("blob:")), [], "nothing is sent");
    await page.evaluate(axe); // not as a script of the page, which its policy would refuse
    const { violations, passes } = await page.evaluate(() => window.axe.run());
    assert.ok(passes.length > 10);
    assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), []);
    if (process.env.SCREENSHOTS) {
      mkdirSync(process.env.SCREENSHOTS, { recursive: true });
      await page.screenshot({ path: `${process.env.SCREENSHOTS}/archive-${scheme}-${width}.png` });
    }
  });
}

test("an archive without an index, one without compression, and one without an extension are opened", async (t) => {
  const { page } = await openPage(t, browser, origin);
  const solid = converted(Buffer.from(zip), "--quality", 1);
  for (const [name, file, hasIndex] of [["solid.tar.br", solid, false], ["plain.tar", brotliDecompressSync(solid), false], ["1234abcd", stored, true]]) {
    await openArchive(page, name, file);
    assert.equal((await page.textContent("#archive-contents")).includes(texts.noIndex), !hasIndex, name);
    assert.equal(String((await saveMember(page, "meta")).bytes), "date=1444.11.11\n", name);
  }
  // A zip closes the archive.
  await choose(page, { name: "a.zip", buffer: Buffer.from(zip) });
  assert.equal(await page.isVisible("#archive"), false);
  assert.equal(await page.isVisible("#convert"), true);
});

test("many members are listed piece by piece", async (t) => {
  const { page } = await openPage(t, browser, origin);
  const all = tarballOf(Array.from({ length: 450 }, (_, i) => [`file_${i}`, TEN]));
  await openArchive(page, "many.tar", all);
  assert.equal(await page.locator("#archive-members tr").count(), 200);
  await page.click("#archive-more");
  await page.click("#archive-more");
  assert.equal(await page.locator("#archive-members tr").count(), 450);
  assert.equal(await page.isVisible("#archive-more"), false);
  assert.equal(String((await saveMember(page, "file_449")).bytes), String(TEN));
});

test("a member with two faces is refused, and what is no archive", async (t) => {
  const { page } = await openPage(t, browser, origin);
  const twoFaced = storedFile([["a", TEN], ["b", TEN]], ({ segments }) => (segments[3].bytes = copyOfTen(1024)));
  await openArchive(page, "two.tar.br", twoFaced);
  await page.click(`[aria-label="${texts.saveAs("b")}"]`);
  await page.waitForSelector("#archive-problem:not([hidden])");
  assert.match(await problem(page), /^b cannot be read: the segment at byte \d+ of the file is refused: alone it could have other contents/);
  assert.equal(String((await saveMember(page, "a")).bytes), String(TEN));
  assert.equal(await page.isVisible("#archive-problem"), false, "what can be read is read");

  for (const [name, file, message] of [
    ["broken.tar.br", stored.subarray(0, stored.length - 1), /^This archive cannot be read: /],
    ["empty.tar", Buffer.alloc(0), /^This archive cannot be read: /],
    ["a.tar.br", Buffer.from("not compressed"), /^This archive cannot be read: /],
  ]) {
    await openArchive(page, name, file);
    assert.match(await problem(page), message, name);
    assert.equal(await page.isVisible("#archive-list"), false);
  }
});
