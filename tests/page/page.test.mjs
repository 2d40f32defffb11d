// The page in a real browser: its display, its requests, and its results against those of the command line.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { zipSync } from "fflate";

import { converted, health, noise, request, root, startWorker, until, untilIdle } from "../worker/harness.mjs";
import { choose, ended, looked, openPage, save, setPlace, slide, startBrowser, startSite } from "./harness.mjs";

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

/** Waits until a conversion has read something. The numbers of the one before stay in their hidden panel. */
async function atWork(page) {
  await page.waitForSelector("#running:not([hidden])");
  await page.waitForFunction(() => /[1-9]/.test(document.getElementById("in").textContent.split(" of ")[0]));
}

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

const posts = (requests) => requests.filter((request) => !["GET", "OPTIONS"].includes(request.method()));
const wasms = (requests) => requests.filter((request) => request.url().endsWith(".wasm"));

test("a browser gets the page at /, everyone else the text, and every name can be put", async () => {
  const html = await request(port, { method: "GET", headers: { accept: "text/html,application/xhtml+xml,*/*;q=0.8" } });
  assert.equal(html.status, 200);
  assert.match(html.headers["content-type"], /^text\/html/);
  assert.match(html.headers["content-security-policy"], /^default-src 'none'; script-src 'self' 'wasm-unsafe-eval';.* form-action 'self';/);
  assert.match(html.headers.vary, /\bAccept\b/);
  const again = await request(port, { method: "GET", headers: { accept: "text/html", "if-none-match": html.headers.etag } });
  assert.equal(again.status, 304);
  for (const headers of [{}, { accept: "*/*" }]) {
    const { body, headers: told } = await request(port, { method: "GET", headers });
    assert.match(told["content-type"], /^text\/plain/);
    assert.match(body.toString(), /curl --fail-with-body -OJ -T save\.zip http/);
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
  assert.ok(requests.length <= 14, `${requests.length} requests`);
  assert.ok(total < 60_000, `${total} bytes`);
  assert.deepEqual(wasms(requests), []);
});

test("a conversion on the server gives the bytes of the command line", async (t) => {
  const { page, requests } = await openPage(t, browser, origin);
  await choose(page, { name: "My save.zip", buffer: small });
  assert.match(await page.textContent("#contents"), /3 members · 3.45.MB unpacked/);
  assert.deepEqual(posts(requests), [], "nothing is sent before it is asked for");
  assert.ok(await page.isChecked("[value=server]"));
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
  assert.match(await page.textContent("#sizes"), /on the server .* at quality 5 with a window of 1.MiB/);
  assert.match(await page.textContent("#done-title"), /^[\d.]+.% smaller$/);
  assert.equal(posts(requests).length, 1);

  // The command on the page does the same, and names the file the same.
  const command = await page.textContent("#curl");
  assert.equal(command, `curl --fail-with-body -OJ -T 'My save.zip' '${origin}/?quality=5&lgwin=20'`);
  writeFileSync(join(folder, "My save.zip"), small);
  execFileSync("bash", ["-c", command.replace("curl ", "curl -sS ")], { cwd: folder });
  assert.ok(readFileSync(join(folder, "My save.tar.br")).equals(expected));
});

test("automatic is the default, and gives the same bytes on the server and in this browser", async (t) => {
  const { page, requests } = await openPage(t, browser, origin);
  const { body: expected, headers } = await request(port, { path: "/?quality=auto", body: small });
  for (const place of ["server", "browser"]) {
    await choose(page, { name: "save.zip", buffer: small });
    await setPlace(page, place);
    assert.ok(await page.isChecked("#auto"));
    await page.click("#convert");
    assert.equal(await ended(page), "done");
    assert.equal(await page.textContent("#sha256"), sha256(expected), place);
    assert.match(await page.textContent("#sizes"), new RegExp(`quality ${headers["recompress-quality"]} `));
  }
  assert.ok(posts(requests)[0].url().includes("quality=auto&name="));
});

test("a conversion in this browser gives the bytes of the command line, and sends nothing", async (t) => {
  const { page, requests } = await openPage(t, browser, origin);
  await choose(page, { name: "save.zip", buffer: small });
  await slide(page, "quality", 9);
  await slide(page, "lgwin", 22);
  await setPlace(page, "browser");
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
  assert.ok(!(await page.isVisible("#results")), "one result needs no table");

  // The next result joins the first in the table, until one of them is removed.
  const second = converted(small, "--quality", 2);
  await slide(page, "quality", 2);
  await page.click("#convert");
  assert.equal(await ended(page), "done");
  assert.equal(await page.textContent("#sha256"), sha256(second));
  assert.equal(wasms(requests).length, 1, "the converter is loaded once");
  const rows = page.locator("#results-rows tr");
  assert.match(await rows.nth(0).textContent(), /quality 9, in this browser/);
  assert.match(await rows.nth(1).textContent(), /quality 2, in this browser/);
  const [download] = await Promise.all([page.waitForEvent("download"), rows.nth(0).locator("a").click()]);
  assert.ok(readFileSync(await download.path()).equals(expected));
  assert.equal((await kept(page)).length, 2);
  await rows.nth(0).locator("button").click();
  await eventually(async () => (await kept(page)).length === 1);
  assert.ok(await page.isVisible("#done"), "the newest result is still there");
});

test("several zips are converted one after the other, and those that are refused are named", async (t) => {
  const { page } = await openPage(t, browser, origin);
  const other = Buffer.from(zipSync({ "b.txt": text(200_000, 2) }));
  await choose(page, { name: "one.zip", buffer: small }, { name: "program.zip", buffer: Buffer.from("MZ and more") }, { name: "two.zip", buffer: other });
  assert.equal(await page.textContent("#convert"), "Convert 2 zips");
  const lines = page.locator("#queue li");
  assert.match(await lines.nth(1).textContent(), /not converted: it is a Windows program, not a zip/);
  await slide(page, "quality", 5);
  await slide(page, "lgwin", 20);
  await page.click("#convert");
  await page.waitForSelector("#results:not([hidden])");
  await page.waitForSelector("#zip:not([hidden])");
  assert.match(await page.textContent("#status"), /^Done: 2 zips/);
  assert.match(await lines.nth(0).textContent(), /% smaller/);
  const rows = page.locator("#results-rows tr");
  assert.equal(await rows.count(), 2);
  for (const [i, zip, name] of [[0, small, "one.tar.br"], [1, other, "two.tar.br"]]) {
    const [download] = await Promise.all([page.waitForEvent("download"), rows.nth(i).locator("a").click()]);
    assert.equal(download.suggestedFilename(), name);
    assert.ok(readFileSync(await download.path()).equals(converted(zip, "--quality", 5, "--lgwin", 20)), name);
  }
});

test("a queue goes on in this browser when the server fails, and past a zip that is broken", async (t) => {
  const { page } = await openPage(t, browser, origin, { expected: /status of (503|400)/ });
  await page.route(/\/\?quality=/, (route) => {
    if (!route.request().url().includes("busy")) return route.continue();
    const problem = { title: "the service is busy", detail: "no memory is free", code: "busy", status: 503 };
    return route.fulfill({ status: 503, contentType: "application/problem+json", body: JSON.stringify(problem) });
  });
  const stored = Buffer.from(zipSync({ "a.txt": Buffer.from("contents") }, { level: 0 }));
  const broken = corrupted(stored, stored.indexOf("contents"));
  const good = Buffer.from(zipSync({ "b.txt": text(200_000, 2) }));
  await choose(page, { name: "broken.zip", buffer: broken }, { name: "busy.zip", buffer: good });
  await slide(page, "quality", 4);
  await page.click("#convert");
  await page.waitForFunction(() => document.getElementById("status").textContent.startsWith("Done: 1 zip"));
  const lines = page.locator("#queue li");
  assert.match(await lines.nth(0).textContent(), /failed: /);
  assert.match(await lines.nth(1).textContent(), /smaller|No gain/);
  assert.equal((await kept(page)).length, 1, "the result is of this browser");
});

test("of a folder only the zips are taken", async (t) => {
  const { page } = await openPage(t, browser, origin);
  const saves = mkdtempSync(join(folder, "saves-"));
  mkdirSync(join(saves, "deep"));
  writeFileSync(join(saves, "a.zip"), small);
  writeFileSync(join(saves, "deep/b.sav"), zipSync({ b: Buffer.from("b") }));
  writeFileSync(join(saves, "notes.txt"), "no zip");
  await page.setInputFiles("#folder", saves);
  await looked(page, "2 zips");
  assert.deepEqual((await page.locator("#queue li span:first-child").allTextContents()).toSorted(), ["a.zip", "b.sav"]);
});

test("members whose boxes are cleared are left out, on the server and in this browser", async (t) => {
  const { page } = await openPage(t, browser, origin);
  const members = { "meta.txt": text(3000), "save/[1]*.txt": text(50_000), "save/2.txt": text(50_000, 3) };
  const zip = Buffer.from(zipSync(members));
  const expected = converted(zip, "--quality", 5, "--lgwin", 20, "--exclude", "save/\\[1\\]\\*.txt");
  for (const place of ["server", "browser"]) {
    await choose(page, { name: "save.zip", buffer: zip });
    await slide(page, "quality", 5);
    await slide(page, "lgwin", 20);
    await setPlace(page, place);
    await page.click("#listing summary");
    await page.locator("#members input").nth(1).uncheck();
    assert.equal(await page.textContent("#selection"), "2 of 3 members will be written.");
    await page.click("#convert");
    assert.equal(await ended(page), "done");
    assert.equal(await page.textContent("#sha256"), sha256(expected), place);
  }
  await page.locator("#members input").nth(0).uncheck();
  await page.locator("#members input").nth(2).uncheck();
  await page.click("#convert");
  await page.waitForFunction(() => document.getElementById("status").textContent === "Select at least one member.");
  await page.click("#reset");
  assert.ok(await page.locator("#members input").nth(1).isChecked());
});

test("without the server the page converts in this browser, which has loaded the converter before", async (t) => {
  const { page } = await openPage(t, browser, origin, { expected: /ERR_INTERNET_DISCONNECTED/ });
  const loaded = page.waitForResponse((response) => response.url().endsWith(".wasm"));
  await choose(page, { name: "save.zip", buffer: small });
  await (await loaded).finished();
  await page.context().setOffline(true);
  for (const quality of [2, 3]) {
    await slide(page, "quality", quality);
    await slide(page, "lgwin", 18);
    await page.waitForFunction(() => document.getElementById("reason").textContent.includes("does not answer"));
    assert.ok(await page.isChecked("[value=browser]"));
    await page.click("#convert");
    assert.equal(await ended(page), "done");
    assert.equal(await page.textContent("#sha256"), sha256(converted(small, "--quality", quality, "--lgwin", 18)));
  }
  // The cancelled thread is the only one that is loaded, so it is used again.
  await choose(page, { name: "long.zip", buffer: Buffer.from(zipSync({ a: text(24 << 20) })) });
  await slide(page, "quality", 9);
  await page.click("#convert");
  await atWork(page);
  await page.keyboard.press("Escape");
  await page.waitForSelector("#zip:not([hidden])");
  await eventually(async () => (await kept(page)).length === 2);
  await choose(page, { name: "save.zip", buffer: small });
  await slide(page, "quality", 4);
  await page.click("#convert");
  assert.equal(await ended(page), "done");
  assert.equal(await page.textContent("#sha256"), sha256(converted(small, "--quality", 4, "--lgwin", 18)));
});

test("without JavaScript a form sends the zip, and the browser saves the answer", async (t) => {
  const { page } = await openPage(t, browser, origin, { javaScriptEnabled: false });
  await page.setInputFiles("noscript input[type=file]", { name: "My save.zip", mimeType: "application/zip", buffer: small });
  await page.selectOption("noscript select", "5");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("noscript button")]);
  assert.equal(download.suggestedFilename(), "My save.tar.br");
  assert.ok(readFileSync(await download.path()).equals(converted(small, "--quality", 5)));
  assert.ok(!(await page.isVisible("#choose")));
});

test("a server that needs a token asks for it, and gets it with every conversion", async (t) => {
  const { page, requests } = await openPage(t, browser, origin, { expected: /status of 401/ });
  // The service without a token is the one that answers; this stands in for one that has a token.
  await page.route(/\/\?quality=/, (route) => {
    if (route.request().headers().authorization === "Bearer sesame") return route.continue();
    const problem = { title: "a token is needed", detail: "the request has no token", code: "unauthorized", status: 401 };
    return route.fulfill({ status: 401, contentType: "application/problem+json", body: JSON.stringify(problem) });
  });
  await choose(page, { name: "save.zip", buffer: small });
  await slide(page, "quality", 2);
  await page.click("#convert");
  assert.equal(await ended(page), "failed");
  assert.equal(await page.textContent("#retry"), "Try again");
  await page.fill("#token", "sesame");
  await page.keyboard.press("Enter");
  assert.equal(await ended(page), "done");
  await page.click("#convert");
  assert.equal(await ended(page), "done");
  assert.equal(posts(requests).length, 3);
});

test("without files of its own a page keeps the result as a blob, the same bytes", async (t) => {
  const { page } = await openPage(t, browser, origin);
  await page.evaluate(() => (navigator.storage.getDirectory = () => Promise.reject(new DOMException("a private window", "SecurityError"))));
  await choose(page, { name: "save.zip", buffer: small });
  await setPlace(page, "browser");
  await slide(page, "quality", 2);
  await slide(page, "lgwin", 22);
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
  await looked(page, "dropped.zip");
  await page.evaluate(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(["no zip"], "pasted.zip"));
    dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer }));
  });
  await page.waitForFunction(() => document.getElementById("zip-name").textContent === "pasted.zip");
  await page.waitForSelector("#problems:not([hidden])");
  assert.match(await page.textContent("#problems"), /it does not start like a zip/);
});

test("names from strangers are text, and a long list is shown in parts", async (t) => {
  const members = { '<img src=x onerror="window.harmed=1">': Buffer.from("a"), "a\u202etxt.exe": Buffer.from("b") };
  for (let i = 0; i < 20_000; i++) members[`d/${i}`] = new Uint8Array(0);
  const { page } = await openPage(t, browser, origin);
  await choose(page, { name: "<b>.zip", buffer: Buffer.from(zipSync(members, { level: 0 })) });
  await page.click("#listing summary");
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

test("a zip that will be refused cannot be converted, for the reason that the service gives", async (t) => {
  const { page, requests } = await openPage(t, browser, origin);
  const zip = encrypted(zipSync({ "secret.txt": Buffer.from("secret") }, { level: 0 }));
  await choose(page, { name: "secret.zip", buffer: zip });
  const { code, detail } = JSON.parse((await request(port, { body: zip })).body);
  assert.equal(code, "encrypted");
  assert.equal(await page.textContent("#problems"), `This file cannot be converted: ${detail}.`);
  assert.ok(!(await page.isVisible("#convert")));
  assert.ok(await page.isVisible("#other"));
  // Enter in a form converts nothing either.
  await page.evaluate(() => document.getElementById("zip").requestSubmit());
  assert.deepEqual(posts(requests), []);
  await choose(page, { name: "good.zip", buffer: small });
  assert.ok(await page.isVisible("#convert"));
});

test("a broken zip is refused in the same words by the server and by the browser", async (t) => {
  const { page } = await openPage(t, browser, origin, { expected: /status of 400/ });
  const zip = Buffer.from(zipSync({ "a.txt": Buffer.from("contents") }, { level: 0 }));
  const broken = corrupted(zip, zip.indexOf("contents"));
  const expected = JSON.parse((await request(port, { body: broken })).body);
  assert.equal(expected.code, "crc_mismatch");
  for (const place of ["server", "browser"]) {
    await choose(page, { name: "broken.zip", buffer: broken });
    await setPlace(page, place);
    await page.click("#convert");
    assert.equal(await ended(page), "failed");
    assert.deepEqual(await refusal(page), { code: expected.code, detail: expected.detail }, place);
    assert.ok(!(await page.isVisible("#retry")), "another try would fail too");
  }
  assert.deepEqual(await kept(page), [], "nothing is left of a refused zip");
});

test("a zip that breaks off on the server is explained by this browser", async (t) => {
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
  assert.match(detail, /^the zip is damaged: crc-32 of "noise.bin" is 0x/);
});

test("cancelling stops the work on the server", async (t) => {
  const { page } = await openPage(t, browser, origin);
  await choose(page, { name: "save.zip", buffer: Buffer.from(zipSync({ a: text(21 << 20) })) });
  await slide(page, "quality", 10);
  await slide(page, "lgwin", 21);
  await setPlace(page, "server");
  await page.click("#convert");
  await until(port, ({ active }) => active === 1);
  await page.click("#cancel");
  await page.waitForSelector("#zip:not([hidden])");
  await untilIdle(port);
  assert.equal(await page.textContent("#status"), "Cancelled.");
});

test("Escape ends the work in this browser, and leaves nothing on the disk", async (t) => {
  const { page } = await openPage(t, browser, origin);
  await choose(page, { name: "save.zip", buffer: Buffer.from(zipSync({ a: text(24 << 20) })) });
  await slide(page, "quality", 11);
  await setPlace(page, "browser");
  await page.click("#convert");
  await atWork(page);
  assert.match(await page.textContent("#in"), /\(\d+.%\)$/);
  assert.equal((await kept(page)).length, 1);
  await page.keyboard.press("Escape");
  await page.waitForSelector("#zip:not([hidden])");
  // The thread ends between two steps, in its own time; another one is ready.
  await eventually(async () => (await kept(page)).length === 0);
  await eventually(() => page.workers().length === 1);
  await slide(page, "quality", 0);
  await page.click("#convert");
  assert.equal(await ended(page), "done");
  assert.equal((await kept(page)).length, 1);
});

test("a zip of 100 MB goes to this browser, which does not hold it, and its bytes are the command line's", async (t) => {
  const { page, requests } = await openPage(t, browser, origin);
  const zip = Buffer.from(zipSync({ "a.bin": noise(60 << 20), "b.bin": noise(36 << 20, 2) }, { level: 0 }));
  const path = join(folder, "large.zip");
  writeFileSync(path, zip);
  await choose(page, path);
  assert.ok(await page.isDisabled("[value=server]"));
  assert.ok(await page.isChecked("[value=browser]"));
  assert.match(await page.textContent("#reason"), /Zips above 6 MiB/);
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
  await looked(page, "save.zip");
  assert.equal(await focused(), "zip-name");
  await tabTo("convert");
  await tabTo("other");
  await press("Tab");
  await press("Enter"); // the options
  await tabTo("auto");
  await tabTo("quality");
  await press("Home", "ArrowRight", "ArrowRight");
  await tabTo("lgwin");
  await press("End", "ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft");
  await tabTo("server");
  await press("ArrowDown");
  assert.equal(await focused(), "browser");
  await press("Enter");
  assert.equal(await ended(page), "done");
  assert.equal(await focused(), "done-title");
  await tabTo("save");
  const [download] = await Promise.all([page.waitForEvent("download"), press("Enter")]);
  assert.ok(readFileSync(await download.path()).equals(converted(small, "--quality", 2, "--lgwin", 20)));
});

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing to complain of, in ${colorScheme} colours`, async (t) => {
    const { page } = await openPage(t, browser, origin, { colorScheme, reducedMotion: "reduce", expected: /status of 400/ });
    const axe = readFileSync(join(root, "node_modules/axe-core/axe.min.js"), "utf8");
    const check = async (state) => {
      await page.evaluate(axe); // not as a script of the page, which its policy would refuse
      const { violations, passes } = await page.evaluate(() => axe.run());
      assert.ok(passes.length > 10);
      assert.deepEqual(violations.map(({ id, nodes }) => [state, id, nodes.map(({ html }) => html)]), []);
    };
    await check("idle");
    await choose(page, { name: "secret.zip", buffer: encrypted(zipSync({ "secret.txt": Buffer.from("secret") }, { level: 0 })) });
    await page.click("#listing summary");
    await check("refused");
    await choose(page, { name: "broken.zip", buffer: corrupted(zipSync({ "a.txt": Buffer.from("contents") }, { level: 0 }), 40) });
    await page.click("#convert");
    await ended(page);
    await check("failed");
    await choose(page, { name: "save.zip", buffer: small }, { name: "save 2.zip", buffer: small });
    await check("queue");
    await choose(page, { name: "save.zip", buffer: small });
    await page.click("#listing summary");
    await slide(page, "quality", 11);
    await check("chosen");
    await setPlace(page, "browser");
    await page.click("#convert");
    await page.waitForSelector("#running:not([hidden])");
    await check("running");
    await page.click("#cancel");
    await slide(page, "quality", 2);
    await page.click("#convert");
    await ended(page);
    await slide(page, "quality", 1);
    await page.click("#convert");
    await ended(page);
    for (const summary of await page.locator("#done summary").all()) await summary.click();
    await check("done twice");
  });
}

for (const width of [320, 390]) {
  test(`nothing is cut off on a screen of ${width} pixels, and Convert needs no scrolling`, async (t) => {
    const { page } = await openPage(t, browser, origin, { viewport: { width, height: 640 } });
    const fits = async (state) => assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width, state);
    await fits("idle");
    await choose(page, { name: `${"a_long_name_without_spaces".repeat(4).slice(0, 66)}.zip`, buffer: small });
    assert.ok((await page.locator("#convert").boundingBox()).y + 40 < 640);
    await fits("chosen");
    await page.click("#listing summary");
    await slide(page, "quality", 2);
    await fits("with options");
    for (let i = 0; i < 2; i++) {
      await page.click("#convert");
      assert.equal(await ended(page), "done");
    }
    for (const summary of await page.locator("#done summary").all()) await summary.click();
    await fits("with results");
  });
}

test("an upload that makes no progress continues in this browser", async (t) => {
  const { page } = await openPage(t, browser, origin);
  await page.clock.install();
  // The server neither answers nor reads on.
  await page.route(/\/\?quality=/, () => {});
  await choose(page, { name: "save.zip", buffer: small });
  await slide(page, "quality", 2);
  await slide(page, "lgwin", 22);
  await page.click("#convert");
  await page.waitForSelector("#running:not([hidden])");
  await page.clock.fastForward(20_000);
  assert.equal(await ended(page), "done");
  assert.match(await page.textContent("#sizes"), /in this browser/);
  assert.ok((await save(page)).bytes.equals(converted(small, "--quality", 2)));
});

test("the largest zip that is sent does not wait for its answer, even if that is as large", async (t) => {
  // In workerd itself: the proxy of `wrangler dev` would take any answer at once.
  const types = { html: "text/html", css: "text/css", js: "text/javascript", svg: "image/svg+xml" };
  const typeOf = (name) => types[name.split(".").at(-1)];
  const site = join(root, "build/assets");
  const files = readdirSync(site, { recursive: true }).filter(typeOf);
  const assets = files.map((name) => [`/${name.replace("index.html", "")}`, readFileSync(join(site, name), "utf8"), typeOf(name)]);
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
  // The wasm is not served here, and not needed.
  const { page } = await openPage(t, browser, `http://127.0.0.1:${port}`, { expected: /status of 404/ });
  const zip = Buffer.from(zipSync({ "noise.bin": noise((6 << 20) - 200) }, { level: 0 }));
  assert.ok(zip.length <= 6 << 20 && zip.length > (6 << 20) - 200);
  await choose(page, { name: "noise.zip", buffer: zip });
  for (const quality of [0, 9]) {
    await slide(page, "quality", quality);
    assert.ok(await page.isChecked("[value=server]"));
    await page.click("#convert");
    assert.equal(await ended(page), "done");
    assert.match(await page.textContent("#sizes"), /on the server/);
    assert.ok((await save(page)).bytes.equals(converted(zip, "--quality", quality)));
  }
  assert.equal((await health(port)).active, 0);
});
