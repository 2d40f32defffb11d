// The page in a real browser: its display, its requests, and its results against those of the command line.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { zipSync } from "fflate";

import { converted, health, noise, request, root, startWorker, until, untilIdle } from "../worker/harness.mjs";
import { choose, ended, openPage, save, slide, startBrowser, startSite } from "./harness.mjs";

const origin = await startSite({ after });
const port = Number(new URL(origin).port);
const browser = await startBrowser({ after });
const folder = mkdtempSync(join(tmpdir(), "recompress-page-"));
after(() => rmSync(folder, { recursive: true }));

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Lines that compress about as a game's save does. */
function text(length, seed = 1) {
  const numbers = noise(length, seed);
  let lines = "";
  for (let i = 0; lines.length < length; i += 4) lines += `unit_${numbers[i] % 64}={ type=${numbers[i + 1] % 8} strength=${numbers[i + 2]}.${numbers[i + 3]} }\n`;
  return Buffer.from(lines.slice(0, length));
}

const small = Buffer.from(zipSync({ "meta.txt": text(3000), "save/gamestate": text(3 << 20), "noise.bin": [noise(300_000), { level: 0 }] }));

/** Marks the only member of a stored archive as encrypted, in both of its headers. */
function encrypted(zip) {
  const marked = Buffer.from(zip);
  marked[6] |= 1;
  marked[marked.indexOf("PK\x01\x02", "latin1") + 8] |= 1;
  return marked;
}

/** A byte of a member's data is another. */
function corrupted(zip, at) {
  const broken = Buffer.from(zip);
  broken[at] ^= 1;
  return broken;
}

const refusal = async (page) => ({ code: await page.textContent("#code"), detail: await page.textContent("#detail") });

/** Names of the files that the page has on this machine. */
const kept = (page) => page.evaluate(async () => Array.fromAsync((await navigator.storage.getDirectory()).keys()));

/** Watches the memory of the tabs' processes, as the system reports it. Calling the result ends that and returns the growth. */
async function watchMemory() {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const tabs = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id);
  const taken = () => tabs.reduce((sum, id) => sum + 1024 * Number(readFileSync(`/proc/${id}/status`, "utf8").match(/VmRSS:\s+(\d+)/)[1]), 0);
  const before = taken();
  let most = before;
  const timer = setInterval(() => (most = Math.max(most, taken())), 50);
  return () => {
    clearInterval(timer);
    return most - before;
  };
}

async function eventually(check) {
  for (let left = 600; !(await check()); left--) {
    assert.ok(left > 0, `after all patience not ${check}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const posts = (requests) => requests.filter((request) => request.method() !== "GET");
const wasms = (requests) => requests.filter((request) => request.url().endsWith(".wasm"));

test("a browser gets the page at /, everyone else the text, and every name can be put", async () => {
  const html = await request(port, { method: "GET", headers: { accept: "text/html,application/xhtml+xml,*/*;q=0.8" } });
  assert.equal(html.status, 200);
  assert.match(html.headers["content-type"], /^text\/html/);
  assert.match(html.headers["content-security-policy"], /^default-src 'none'; script-src 'self' 'wasm-unsafe-eval';/);
  assert.match(html.headers.vary, /\bAccept\b/);
  const again = await request(port, { method: "GET", headers: { accept: "text/html", "if-none-match": html.headers.etag } });
  assert.equal(again.status, 304);
  for (const headers of [{}, { accept: "*/*" }]) {
    const { body, headers: told } = await request(port, { method: "GET", headers });
    assert.match(told["content-type"], /^text\/plain/);
    assert.match(body.toString(), /curl -f -T save\.zip http/);
  }
  const zip = Buffer.from(zipSync({ a: Buffer.from("a") }));
  for (const name of ["index.html", "page", "_headers"]) {
    const { status, body } = await request(port, { method: "PUT", path: `/${name}`, body: zip });
    assert.equal(status, 200, name);
    assert.ok(body.equals(converted(zip)));
  }
});

test("the first load is a few small files, and no wasm", async (t) => {
  const { page, requests } = await openPage(t, browser, origin);
  await page.waitForLoadState("networkidle");
  const sizes = await Promise.all(requests.map(async (request) => [new URL(request.url()).pathname, (await request.sizes()).responseBodySize]));
  const total = sizes.reduce((sum, [, size]) => sum + size, 0);
  t.diagnostic(`${requests.length} requests, ${total} bytes: ${sizes.map(([path, size]) => `${path} ${size}`).join(", ")}`);
  assert.ok(requests.length <= 12, `${requests.length} requests`);
  assert.ok(total < 60_000, `${total} bytes`);
  assert.deepEqual(wasms(requests), []);
});

test("a conversion on the edge gives the bytes of the command line", async (t) => {
  const { page, requests } = await openPage(t, browser, origin);
  await choose(page, { name: "My save.zip", buffer: small });
  assert.match(await page.textContent("#contents"), /3 members · 3.45.MB unpacked/);
  assert.deepEqual(posts(requests), [], "nothing is sent before it is asked for");
  assert.ok(await page.isChecked("[value=edge]"));
  assert.match(await page.textContent("#reason"), /Small enough/);
  await slide(page, "quality", 5);
  await slide(page, "lgwin", 20);
  await page.click("#convert");
  assert.equal(await ended(page), "done");

  const expected = converted(small, "--quality", 5, "--lgwin", 20);
  const { name, bytes } = await save(page);
  assert.ok(bytes.equals(expected));
  assert.equal(name, "My save.tar.br");
  assert.equal(await page.textContent("#sha256"), sha256(expected));
  assert.match(await page.textContent("#sizes"), /on the edge, .* at quality 5 with a window of 1.MiB/);
  assert.equal(await page.textContent("#curl"), `curl -f -T 'My save.zip' '${origin}/?quality=5&lgwin=20' -o 'My save.tar.br'`);
  assert.equal(posts(requests).length, 1);
  assert.deepEqual(wasms(requests), [], "the converter is not loaded for it");
});

test("a conversion in this browser gives the bytes of the command line, and sends nothing", async (t) => {
  const { page, requests } = await openPage(t, browser, origin);
  await choose(page, { name: "save.zip", buffer: small });
  await page.check("[value=browser]");
  await page.click("#convert");
  assert.equal(await ended(page), "done");
  const { name, bytes } = await save(page);
  const expected = converted(small);
  assert.ok(bytes.equals(expected));
  assert.equal(name, "save.tar.br");
  assert.equal(await page.textContent("#sha256"), sha256(expected));
  assert.deepEqual(posts(requests), []);
  assert.equal(wasms(requests).length, 1);
  assert.equal((await kept(page)).length, 1, "the result is on the disk");

  // The page can convert again, and frees the memory of the last result.
  await page.click("#done [data-options]");
  await slide(page, "quality", 2);
  await page.click("#convert");
  await page.waitForFunction((sha256) => document.getElementById("sha256").textContent === sha256, sha256(converted(small, "--quality", 2)));
  assert.equal((await kept(page)).length, 1);
});

test("without files of its own a page keeps the result as a blob, the same bytes", async (t) => {
  const { page } = await openPage(t, browser, origin);
  await page.evaluate(() => (navigator.storage.getDirectory = () => Promise.reject(new DOMException("a private window", "SecurityError"))));
  await choose(page, { name: "save.zip", buffer: small });
  await page.check("[value=browser]");
  await slide(page, "quality", 2);
  await page.click("#convert");
  assert.equal(await ended(page), "done");
  assert.ok((await save(page)).bytes.equals(converted(small, "--quality", 2)));
});

test("a zip can be dropped, and pasted", async (t) => {
  const { page } = await openPage(t, browser, origin);
  const transfer = await page.evaluateHandle((bytes) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([new Uint8Array(bytes)], "dropped.zip"));
    return transfer;
  }, [...zipSync({ a: Buffer.from("a") })]);
  await page.dispatchEvent("#choose", "drop", { dataTransfer: transfer });
  await page.waitForSelector("#options:not([hidden])");
  assert.equal(await page.textContent("#zip-name"), "dropped.zip");
  await page.evaluate(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(["no zip"], "pasted.zip"));
    dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer }));
  });
  await page.waitForFunction(() => document.getElementById("zip-name").textContent === "pasted.zip");
  await page.waitForSelector("#problems:not([hidden])");
  assert.match(await page.textContent("#problems"), /the end of an archive is not found/);
});

test("names from strangers are text, and a long list is shown in parts", async (t) => {
  const members = { '<img src=x onerror="window.harmed=1">': Buffer.from("a"), "a\u202etxt.exe": Buffer.from("b") };
  for (let i = 0; i < 20_000; i++) members[`d/${i}`] = new Uint8Array(0);
  const { page } = await openPage(t, browser, origin);
  await choose(page, { name: "<b>.zip", buffer: Buffer.from(zipSync(members, { level: 0 })) });
  await page.click("summary");
  const rows = page.locator("#members tr");
  assert.equal(await rows.count(), 200);
  assert.equal(await rows.nth(0).locator("td").first().textContent(), '<img src=x onerror="window.harmed=1">');
  assert.equal(await rows.nth(1).locator("td").first().textContent(), "a\\u202etxt.exe");
  assert.match(await page.textContent("#contents"), /20,002 members/);
  await page.click("#more");
  assert.equal(await rows.count(), 400);
  assert.equal(await page.evaluate(() => window.harmed), undefined);
  assert.equal(await page.textContent("#zip-name"), "<b>.zip");
});

test("an encrypted zip is foretold, and refused in the same words by the edge and by the browser", async (t) => {
  const { page } = await openPage(t, browser, origin, { expected: /status of 422/ });
  const zip = encrypted(zipSync({ "secret.txt": Buffer.from("secret") }, { level: 0 }));
  await choose(page, { name: "secret.zip", buffer: zip });
  assert.equal(await page.textContent("#problems"), 'This will be refused: "secret.txt" is encrypted.');
  for (const place of ["edge", "browser"]) {
    await page.check(`[value=${place}]`);
    await page.click("#convert");
    assert.equal(await ended(page), "failed");
    assert.deepEqual(await refusal(page), { code: "encrypted", detail: '"secret.txt" is encrypted' }, place);
    await page.click("#failed [data-options]");
  }
  assert.deepEqual(await kept(page), [], "nothing is left of what was refused");
});

test("a broken zip is refused in the same words by the edge and by the browser, and can be tried again", async (t) => {
  const { page } = await openPage(t, browser, origin, { expected: /status of 400/ });
  const zip = Buffer.from(zipSync({ "a.txt": Buffer.from("contents") }, { level: 0 }));
  const broken = corrupted(zip, zip.indexOf("contents"));
  const expected = JSON.parse((await request(port, { body: broken })).body);
  assert.equal(expected.code, "crc_mismatch");
  for (const [place, act] of [["edge", "#convert"], ["edge", "#retry"], ["browser", "#convert"]]) {
    await choose(page, { name: "broken.zip", buffer: broken });
    if (act === "#retry") await page.click("#convert").then(() => ended(page));
    else await page.check(`[value=${place}]`);
    await page.click(act);
    await page.waitForSelector("#failed:not([hidden])");
    assert.deepEqual(await refusal(page), { code: expected.code, detail: expected.detail }, place);
  }
});

test("a zip that breaks off on the edge is explained by this browser", async (t) => {
  const { page } = await openPage(t, browser, origin, { expected: /net::ERR/ });
  const broken = corrupted(zipSync({ "noise.bin": noise(5 << 20) }, { level: 0 }), (5 << 20) - 1);
  await choose(page, { name: "broken.zip", buffer: broken });
  await slide(page, "quality", 2);
  await page.click("#convert");
  assert.equal(await ended(page), "failed");
  assert.equal((await refusal(page)).code, "broken_off");
  assert.equal(await page.textContent("#retry"), "Try in this browser");
  await page.click("#retry");
  await page.waitForFunction(() => document.getElementById("code").textContent !== "broken_off");
  const { code, detail } = await refusal(page);
  assert.equal(code, "crc_mismatch");
  assert.match(detail, /^crc-32 of "noise.bin" is 0x/);
});

test("cancelling stops the work on the edge", async (t) => {
  const { page } = await openPage(t, browser, origin);
  await choose(page, { name: "save.zip", buffer: Buffer.from(zipSync({ a: text(8 << 20) })) });
  await slide(page, "quality", 10);
  await slide(page, "lgwin", 21);
  await page.check("[value=edge]");
  await page.click("#convert");
  await until(port, ({ active }) => active === 1);
  await page.click("#cancel");
  await page.waitForSelector("#options:not([hidden])");
  await untilIdle(port);
  assert.equal(await page.textContent("#status"), "Cancelled.");
});

test("cancelling ends the work in this browser, and leaves nothing on the disk", async (t) => {
  const { page } = await openPage(t, browser, origin);
  await choose(page, { name: "save.zip", buffer: Buffer.from(zipSync({ a: text(24 << 20) })) });
  await slide(page, "quality", 11);
  await page.check("[value=browser]");
  await page.click("#convert");
  await page.waitForFunction(() => /[1-9]/.test(document.getElementById("in").textContent.split(" of ")[0]));
  assert.equal(page.workers().length, 1);
  await page.click("#cancel");
  await page.waitForSelector("#options:not([hidden])");
  await eventually(() => page.workers().length === 0);
  // The next conversion at the latest removes the files that the ended thread had open.
  await slide(page, "quality", 0);
  await page.click("#convert");
  assert.equal(await ended(page), "done");
  await eventually(async () => (await kept(page)).length === 1);
});

test("a zip of 100 MB goes to this browser, which does not hold it, and its bytes are the command line's", async (t) => {
  const { page, requests } = await openPage(t, browser, origin);
  const zip = Buffer.from(zipSync({ "a.bin": noise(60 << 20), "b.bin": noise(36 << 20, 2) }, { level: 0 }));
  const path = join(folder, "large.zip");
  writeFileSync(path, zip);
  await choose(page, path);
  assert.ok(await page.isDisabled("[value=edge]"));
  assert.ok(await page.isChecked("[value=browser]"));
  assert.match(await page.textContent("#reason"), /^Above 6 MiB/);
  await slide(page, "quality", 0);
  const growth = await watchMemory();
  await page.click("#convert");
  assert.equal(await ended(page), "done");
  const grown = growth();
  t.diagnostic(`the tab's memory grew by ${grown >> 20} MiB`);
  // The zip and its result together are 200 MB; the converter takes some 70, for every zip.
  assert.ok(grown < 150 << 20, `${grown} bytes`);
  const expected = converted(zip, "--quality", 0);
  assert.equal(await page.textContent("#sha256"), sha256(expected));
  assert.ok((await save(page)).bytes.equals(expected));
  assert.deepEqual(posts(requests), []);
});

test("everything can be done with the keyboard", async (t) => {
  const { page } = await openPage(t, browser, origin);
  const press = (...keys) => keys.reduce((done, key) => done.then(() => page.keyboard.press(key)), Promise.resolve());
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.value || document.activeElement.tagName);
  /** Goes on with Tab to the element, as far as it takes. */
  const tabTo = async (wanted) => {
    const passed = [];
    while ((await focused()) !== wanted) {
      assert.ok(passed.length < 20, `${wanted} is not reached, only ${passed}`);
      await press("Tab");
      passed.push(await focused());
      const ring = await page.evaluate(() => getComputedStyle(document.activeElement.closest(".place") ?? document.activeElement).outlineStyle);
      assert.notEqual(ring, "none", `${passed.at(-1)} shows that it has the focus`);
    }
  };
  page.on("filechooser", (chooser) => chooser.setFiles({ name: "save.zip", mimeType: "application/zip", buffer: small }));
  await tabTo("browse");
  await press("Enter");
  await page.waitForSelector("#options:not([hidden])");
  assert.equal(await focused(), "zip-name");
  await tabTo("quality");
  await press("Home", "ArrowRight", "ArrowRight");
  await tabTo("lgwin");
  await press("End", "ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft");
  await tabTo("edge");
  await press("ArrowDown");
  assert.equal(await focused(), "browser");
  await tabTo("convert");
  await press("Enter");
  assert.equal(await ended(page), "done");
  assert.equal(await focused(), "done-title");
  await tabTo("save");
  const [download] = await Promise.all([page.waitForEvent("download"), press("Enter")]);
  assert.ok(readFileSync(await download.path()).equals(converted(small, "--quality", 2, "--lgwin", 20)));
});

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing to complain of, in ${colorScheme} colours`, async (t) => {
    const { page } = await openPage(t, browser, origin, { colorScheme, reducedMotion: "reduce", expected: /status of 422/ });
    const axe = readFileSync(join(root, "node_modules/axe-core/axe.min.js"), "utf8");
    const check = async (state) => {
      await page.evaluate(axe); // not as a script of the page, which its policy would refuse
      const { violations, passes } = await page.evaluate(() => axe.run());
      assert.ok(passes.length > 10);
      assert.deepEqual(violations.map(({ id, nodes }) => [state, id, nodes.map(({ html }) => html)]), []);
    };
    await check("idle");
    await choose(page, { name: "secret.zip", buffer: encrypted(zipSync({ "secret.txt": Buffer.from("secret") }, { level: 0 })) });
    await page.click("summary");
    await check("chosen");
    await page.click("#convert");
    await ended(page);
    await check("failed");
    await choose(page, { name: "save.zip", buffer: small });
    await slide(page, "quality", 11);
    await page.check("[value=browser]");
    await page.click("#convert");
    await page.waitForSelector("#running:not([hidden])");
    await check("running");
    await page.click("#cancel");
    await slide(page, "quality", 2);
    await page.click("#convert");
    await ended(page);
    await check("done");
  });
}

test("nothing is cut off on a narrow screen", async (t) => {
  const { page } = await openPage(t, browser, origin, { viewport: { width: 360, height: 740 } });
  const fits = async () => assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
  await fits();
  await choose(page, { name: `${"a-very-long-name-".repeat(12)}.zip`, buffer: small });
  await page.click("summary");
  await fits();
  await page.click("#convert");
  assert.equal(await ended(page), "done");
  await fits();
});

test("an upload that makes no progress continues in this browser", async (t) => {
  const { page } = await openPage(t, browser, origin);
  await page.clock.install();
  // The server neither answers nor reads on.
  await page.route(/\/\?quality=/, () => {});
  await choose(page, { name: "save.zip", buffer: small });
  await slide(page, "quality", 2);
  await page.click("#convert");
  await page.waitForSelector("#running:not([hidden])");
  await page.clock.fastForward(20_000);
  assert.equal(await ended(page), "done");
  assert.match(await page.textContent("#sizes"), /in this browser/);
  assert.ok((await save(page)).bytes.equals(converted(small, "--quality", 2)));
});

test("the largest zip that is sent does not wait for its answer, even if that is as large", async (t) => {
  // In workerd itself: the proxy of `wrangler dev` would take any answer at once.
  const files = ["index.html", "style.css", "icon.svg", "app.js", "directory.js", "edge.js", "failure.js", "plan.js", "format.js"];
  const types = { html: "text/html", css: "text/css", js: "text/javascript", svg: "image/svg+xml" };
  const assets = files.map((name) => [name === "index.html" ? "/" : `/page/${name}`, readFileSync(join(root, "src/page", name), "utf8"), types[name.split(".")[1]]]);
  const { port } = await startWorker(t, {
    entry: `import Worker from "./index.js";
      const assets = new Map(${JSON.stringify(assets)}.map(([path, text, type]) => [path, [text, type]]));
      export default class extends Worker {
        async fetch(request) {
          const asset = request.method === "GET" && assets.get(new URL(request.url).pathname);
          return asset ? new Response(asset[0], { headers: { "content-type": asset[1] } }) : super.fetch(request);
        }
      }`,
  });
  const { page } = await openPage(t, browser, `http://127.0.0.1:${port}`);
  const zip = Buffer.from(zipSync({ "noise.bin": noise((6 << 20) - 200) }, { level: 0 }));
  assert.ok(zip.length <= 6 << 20 && zip.length > (6 << 20) - 200);
  await choose(page, { name: "noise.zip", buffer: zip });
  for (const quality of [0, 9]) {
    await slide(page, "quality", quality);
    assert.ok(await page.isChecked("[value=edge]"));
    await page.click("#convert");
    assert.equal(await ended(page), "done");
    assert.match(await page.textContent("#sizes"), /on the edge/);
    assert.ok((await save(page)).bytes.equals(converted(zip, "--quality", quality)));
    await page.click("#done [data-options]");
  }
  assert.equal((await health(port)).active, 0);
});
