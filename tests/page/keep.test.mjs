// Keeping a result on a site that stores archives, and what a browser does with stored files of strangers.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { zipSync } from "fflate";

import { converted, request } from "../worker/harness.mjs";
import { PATIENCE_MS, choose, ended, openPage, setPlace, slide, startBrowser, startSite } from "./harness.mjs";

const folder = mkdtempSync(join(tmpdir(), "recompress-keep-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const STORES = ["--env", "store", "--persist-to", folder];
const open = await startSite({ after }, [...STORES, "--var", "RECOMPRESS_OPEN:1"]);
const browser = await startBrowser({ after });

const text = "date=1444.11.11\n".repeat(5000);
const zip = Buffer.from(zipSync({ "save/meta & more.txt": Buffer.from(text), "game state": Buffer.from(text.repeat(3)) }));

async function convert(page, name, zip) {
  await choose(page, { name, buffer: zip });
  await slide(page, "quality", 5);
  await page.click("#convert");
  assert.equal(await ended(page), "done");
}

test("a result is kept under a link, with its members, until it is removed", async (t) => {
  const { page } = await openPage(t, browser, open);
  await convert(page, "My save.zip", zip);
  await page.waitForSelector("#keep:not([hidden])");
  await page.click("#keep-it");
  await page.waitForSelector("#kept:not([hidden])");
  assert.match(await page.textContent("#status"), /^Kept: [\d.]+.(KB|bytes)\.$/);
  const address = await page.getAttribute("#kept-link", "href");
  assert.match(address, new RegExp(`^${open}/archives/[\\w-]{22}$`));
  assert.equal(await page.textContent("#kept-curl"), `curl --fail-with-body -OJ ${address}`);
  assert.deepEqual(await page.locator("#kept-members a").allTextContents(), ["save/meta & more.txt", "game state"]);

  const lgwin = await page.evaluate(() => document.getElementById("lgwin").value);
  const port = Number(new URL(open).port);
  const { status, headers, body } = await request(port, { method: "GET", path: new URL(address).pathname });
  assert.equal(status, 200);
  assert.equal(headers["content-disposition"], 'attachment; filename="My save.tar.br"');
  assert.ok(body.equals(converted(zip, "--streamed", "--quality", 5, "--lgwin", lgwin)));

  const member = await page.context().newPage();
  await member.goto(await page.getAttribute("#kept-members a", "href"));
  assert.equal(await member.textContent("body"), text, "decoded by the browser");
  await member.close();

  await page.click("#kept-remove");
  await page.waitForSelector("#kept", { state: "hidden" });
  assert.ok(await page.isVisible("#keep-it"));
  assert.equal((await request(port, { method: "GET", path: new URL(address).pathname })).status, 404);
});

test("where the site wants a token, the page asks for it and forgets it", async (t) => {
  const origin = await startSite(t, [...STORES, "--var", "RECOMPRESS_TOKEN:a-secret"]);
  const { page } = await openPage(t, browser, origin, { expected: /status of 401/ });
  await choose(page, { name: "a.zip", buffer: zip });
  await slide(page, "quality", 5);
  await setPlace(page, "browser");
  await page.click("#convert");
  assert.equal(await ended(page), "done");
  await page.click("#keep-it");
  await page.waitForSelector("#keep-token-field:not([hidden])");
  await page.fill("#keep-token", "wrong");
  await page.press("#keep-token", "Enter");
  await page.waitForFunction(() => /the token is wrong/.test(document.getElementById("status").textContent));
  await page.fill("#keep-token", "a-secret");
  await page.press("#keep-token", "Enter");
  await page.waitForSelector("#kept:not([hidden])");
  assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length + document.cookie.length), 0);
});

test("a site that stores nothing offers nothing", async (t) => {
  const origin = await startSite(t);
  const { page } = await openPage(t, browser, origin);
  await convert(page, "a.zip", zip);
  await page.waitForLoadState("networkidle");
  assert.ok(await page.isHidden("#keep"));
});

/** A file that says so if it runs: as a script, by an event, or when it is shown as a page of this site. */
const script = "try { parent.ran = top.ran = opener.ran = true } catch {} new Image().src = '/ran'; fetch('/ran');";
const hostile = {
  "page.html": `<!doctype html><script>${script}</script><img src=x onerror="${script}">`,
  "page.xhtml": `<html xmlns="http://www.w3.org/1999/xhtml"><script>${script}</script></html>`,
  "image.svg": `<svg xmlns="http://www.w3.org/2000/svg" onload="${script}"><script>${script}</script></svg>`,
  "data.xml": `<?xml version="1.0"?><x:script xmlns:x="http://www.w3.org/1999/xhtml">${script}</x:script>`,
  "code.js": script,
  "paper.pdf": `%PDF-1.4\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(${script})>>>>endobj\ntrailer<</Root 1 0 R>>`,
  "page.txt": `<!doctype html><script>${script}</script>`,
  "page.json": `<!doctype html><script>${script}</script>`,
  "picture.png": `<!doctype html><script>${script}</script>`,
};

test("nothing that is stored runs, however a page of the same site uses it", async (t) => {
  const port = Number(new URL(open).port);
  const entries = Object.entries(hostile).map(([name, contents]) => [name, Buffer.from(contents)]);
  const stored = await request(port, { method: "PUT", path: "/archives/hostile?quality=5", body: Buffer.from(zipSync(Object.fromEntries(entries))) });
  assert.equal(stored.status, 201, `${stored.body}`);
  const context = await browser.newContext({ acceptDownloads: true });
  t.after(() => context.close());
  const asked = [];
  context.on("request", (request) => asked.push(new URL(request.url()).pathname));
  const page = await context.newPage();
  await page.goto(open);
  for (const name of Object.keys(hostile)) {
    const url = `${open}/archives/hostile/members/${name}`;
    const { headers } = await request(port, { method: "GET", path: new URL(url).pathname });
    assert.equal(headers["x-content-type-options"], "nosniff", name);
    assert.equal(headers["content-security-policy"], "sandbox; default-src 'none'", name);
    const isShown = /\.(txt|json|png)$/.test(name);
    assert.equal(headers["content-disposition"], isShown ? undefined : `attachment; filename="${name}"`);
    // As an address that somebody opens: shown as text, or saved.
    const tab = await context.newPage();
    const download = isShown ? undefined : tab.waitForEvent("download");
    await tab.goto(url).catch((error) => assert.match(String(error), /Download is starting|ERR_ABORTED/, name));
    if (download) {
      const saved = await download;
      assert.equal(saved.suggestedFilename(), name);
      assert.equal(await saved.failure(), null, name);
    }
    await tab.close();
    await page.bringToFront();
    // As a script, a style and a frame of a page of this site that has no policy of its own.
    await page.evaluate(
      async ({ url, patience }) => {
        const loaded = (element) =>
          new Promise((resolve, reject) => {
            element.onload = element.onerror = resolve;
            setTimeout(reject, patience, new Error(`${element.tagName} of ${url} neither loads nor fails`));
          });
        for (const element of [Object.assign(document.createElement("script"), { src: url }), Object.assign(document.createElement("img"), { src: url })]) {
          const done = loaded(element);
          document.body.append(element);
          await done;
          element.remove();
        }
      },
      { url, patience: PATIENCE_MS },
    );
  }
  assert.equal(await page.evaluate(() => globalThis.ran), undefined);
  assert.ok(!asked.includes("/ran"), "nothing ran");
});
