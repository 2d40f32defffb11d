// The example of a site that keeps archives in recompress, in miniflare and in Chromium.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { zipSync } from "fflate";
import { Miniflare, convertV4MiniflareOptions } from "miniflare";

import { startBrowser } from "../page/harness.mjs";
import { noise, root, service } from "../worker/harness.mjs";

const text = "date=1444.11.11\n".repeat(100_000);
const zip = Buffer.from(zipSync({ "meta & more.txt": Buffer.from(text), "data/<b>.bin": noise(2000) }));

/** Both Workers, with a bucket. Resolves to the site's address. */
async function startSite(t) {
  const folder = mkdtempSync(join(tmpdir(), "recompress-site-"));
  const bindings = { RECOMPRESS_TOKEN: "a-secret-of-both" };
  const options = {
    workers: [
      {
        name: "saves",
        compatibilityDate: service.compatibilityDate,
        modulesRoot: root,
        modules: ["examples/archives/index.js", "src/client/archives.js"].map((path) => ({ type: "ESModule", path: join(root, path) })),
        bindings,
        serviceBindings: { RECOMPRESS: "recompress" },
        unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
      },
      { ...service, bindings, r2Buckets: { ARCHIVES: "archives" } },
    ],
  };
  const runtime = new Miniflare({ ...convertV4MiniflareOptions(options), cf: false, resourcePersistencePath: folder });
  t.after(async () => {
    await runtime.dispose();
    rmSync(folder, { recursive: true });
  });
  await runtime.ready;
  return (await runtime.unsafeGetDirectURL("saves")).origin;
}

test("a browser uploads a zip, sees its members, and opens one", async (t) => {
  const origin = await startSite(t);
  const page = await (await startBrowser(t)).newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(origin);
  await page.setInputFiles("#file", { name: "My säve.zip", mimeType: "application/zip", buffer: zip });
  await page.waitForURL(/\/saves\/[\w-]{22}$/);
  assert.equal(await page.textContent("h1"), "My säve.zip");
  assert.match(await page.textContent("p"), new RegExp(`^${zip.length} bytes became \\d+\\.$`));
  assert.deepEqual(await page.locator("li").allTextContents(), [`meta & more.txt, ${text.length} bytes`, "data/<b>.bin, 2000 bytes"]);
  await page.click("li a");
  await page.waitForURL(/meta/);
  assert.equal(await page.textContent("body"), text, "decoded by the browser");
  assert.deepEqual(complaints, []);
});

test("a refusal reaches the page, and what is not there is a 404", async (t) => {
  const origin = await startSite(t);
  const refused = await fetch(`${origin}/saves`, { method: "POST", body: "no zip" });
  assert.deepEqual([refused.status, (await refused.json()).code], [415, "not_zip"]);
  const missing = await fetch(`${origin}/saves/nothing`);
  assert.deepEqual([missing.status, (await missing.json()).code], [404, "no_archive"]);
  assert.equal((await fetch(`${origin}/elsewhere`)).status, 404);
});
