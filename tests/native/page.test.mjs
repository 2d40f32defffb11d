// The page for people, as the native server gives it.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { zipSync } from "fflate";

import { choose, ended, openPage, save, setPlace, startBrowser } from "../page/harness.mjs";
import { converted, noise, recompress, request, root, startNative } from "../worker/harness.mjs";

const folder = join(root, "build/assets");
const options = ["--page", folder];
const html = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

test("a browser gets the page and its files with the headers of the edge, everyone else the text", async (t) => {
  const { port } = await startNative(t, { options });
  const get = (path, headers = {}, method = "GET") => request(port, { method, path, headers });
  const page = await get("/", html);
  assert.deepEqual([page.status, page.headers["content-type"]], [200, "text/html; charset=utf-8"]);
  assert.ok(page.body.equals(readFileSync(join(folder, "index.html"))));
  const listed = readFileSync(join(folder, "_headers"), "utf8").matchAll(/^ +([\w-]+): (.*)$/gm);
  for (const [, name, value] of listed) assert.equal(page.headers[name.toLowerCase()], value);
  assert.equal(page.headers["cache-control"], "public, max-age=0, must-revalidate");

  const again = await get("/", { ...html, "if-none-match": page.headers.etag });
  assert.deepEqual([again.status, again.body.length, again.headers.etag], [304, 0, page.headers.etag]);
  const head = await get("/", html, "HEAD");
  assert.deepEqual([head.status, head.body.length, head.headers["content-length"]], [200, 0, String(page.body.length)]);

  const types = { js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8", svg: "image/svg+xml", wasm: "application/wasm" };
  for (const name of readdirSync(join(folder, "page"))) {
    const { status, headers, body } = await get(`/page/${name}`);
    assert.equal(status, 200, name);
    assert.equal(headers["content-type"], types[name.split(".").pop()], name);
    assert.match(headers["content-security-policy"], /^default-src 'none'; script-src 'self'/);
    assert.ok(body.equals(readFileSync(join(folder, "page", name))), name);
  }
  assert.match((await get("/")).headers["content-type"], /^text\/plain/);
  for (const path of ["/page/nothing.js", "/page/../_headers", "/index.html", "/_headers"]) assert.equal((await get(path, html)).status, 404, path);
  const zip = Buffer.from(zipSync({ a: Buffer.from("a") }));
  const put = await request(port, { method: "PUT", path: "/index.html", body: zip });
  assert.ok(put.body.equals(converted(zip)));
});

test("the page converts on the server and in the browser", async (t) => {
  const { port } = await startNative(t, { options });
  const browser = await startBrowser(t);
  const { page } = await openPage(t, browser, `http://127.0.0.1:${port}`);
  const zip = Buffer.from(zipSync({ text: Buffer.from(noise(200_000).map((byte) => 97 + (byte & 7))) }));
  const results = [];
  for (const place of ["server", "browser"]) {
    await choose(page, { name: "save.zip", buffer: zip });
    await setPlace(page, place);
    await page.click("#convert");
    assert.equal(await ended(page), "done");
    assert.match(await page.textContent("#sizes"), place === "server" ? /on the server/ : /in this browser/);
    results.push((await save(page)).bytes);
  }
  assert.ok(results[0].equals(converted(zip, "--quality", 11, "--lgwin", 18)));
  assert.ok(results[1].equals(results[0]));
});

test("without a page there is the text, and a folder without one is reported", async (t) => {
  const { port } = await startNative(t);
  assert.match((await request(port, { method: "GET", headers: html })).headers["content-type"], /^text\/plain/);
  const { status, stderr } = spawnSync(recompress, ["serve", "--port", "0", "--page", root], { timeout: 60_000 });
  assert.equal(status, 1);
  assert.match(stderr.toString(), /^recompress: io: cannot serve: .*index\.html: No such file/);
});
