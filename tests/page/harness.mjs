// The page as it is deployed, and a browser that looks at it.
//
// `wrangler dev` and not workerd alone: which requests are the page's and which the Worker's is settled by wrangler.toml,
// and the assets are served by wrangler's own copy of the edge's code.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { join } from "node:path";

import { chromium } from "playwright-core";

import { texts } from "../../src/page/texts.js";
import { root } from "../worker/harness.mjs";

const build = join(root, "build");

/** Long, for a machine that is busy with other tests; a test that needs all of it has failed. */
export const PATIENCE_MS = 180_000;

/** The number of sites that were started. */
let sites = 0;

/** Serves build/ as wrangler.toml says, without building it again; `args` are further ones of wrangler. Resolves to where. */
export async function startSite(t, args = []) {
  if (!existsSync(join(build, "assets/index.html"))) throw new Error(`no page in ${build}: make worker`);
  const settings = join(build, `test-${process.pid}-${sites++}.toml`);
  const toml = readFileSync(join(root, "wrangler.toml"), "utf8");
  writeFileSync(settings, toml.replace(/^\[build\]$[^[]*/m, "").replaceAll('"build/', '"'));
  const wrangler = spawn(
    process.execPath,
    [join(root, "node_modules/wrangler/bin/wrangler.js"), "dev", "--config", settings, "--ip", "127.0.0.1", "--port", "0", "--inspector-port", "0", ...args],
    {
      env: { ...process.env, CI: "1", WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true", CLOUDFLARE_CF_FETCH_ENABLED: "false" },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true, // a group, so that its workerd ends with it
    },
  );
  const stop = () => {
    try {
      process.kill(-wrangler.pid, "SIGKILL");
    } catch {} // it has ended
  };
  process.on("exit", stop);
  t.after(async () => {
    stop();
    if (wrangler.exitCode === null && wrangler.signalCode === null) await once(wrangler, "exit");
    rmSync(settings, { force: true });
  });
  const log = [];
  wrangler.stderr.on("data", (text) => log.push(String(text)));
  for await (const line of createInterface(wrangler.stdout)) {
    log.push(line);
    const ready = line.match(/Ready on (http:\S+)/);
    if (ready) {
      wrangler.stdout.resume();
      return ready[1];
    }
  }
  throw new Error(`wrangler did not start:\n${log.join("\n")}`);
}

/** The system's Chromium; `CHROMIUM` names another. */
export async function startBrowser(t) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  t.after(() => browser.close());
  return browser;
}

/**
 * A page at `origin` in a profile of its own, and all that it asked for. It must not have complained: an exception, a
 * breach of its Content-Security-Policy, a request to another origin or a message that `expected` does not match fails the test.
 */
export async function openPage(t, browser, origin, { expected = /^$/, ...options } = {}) {
  const context = await browser.newContext({ acceptDownloads: true, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const requests = [];
  const complaints = [];
  context.on("request", (request) => requests.push(request));
  page.on("pageerror", (error) => complaints.push(String(error.stack)));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()) && !expected.test(message.text())) complaints.push(message.text());
  });
  t.after(async () => {
    await context.close();
    assert.deepEqual(complaints, []);
    const elsewhere = requests.map((request) => request.url()).filter((url) => !url.startsWith(`${origin}/`) && !url.startsWith(`blob:${origin}/`));
    assert.deepEqual(elsewhere, [], "nothing is asked of anyone else");
  });
  await page.goto(origin);
  return { page, requests };
}

/** Chooses a file, or several, each `{ name, buffer }` or a path, and waits until the page has looked into it. */
export async function choose(page, ...files) {
  const inputs = files.map((file) => (typeof file === "string" ? file : { mimeType: "application/zip", ...file }));
  const title = files.length > 1 ? `${files.length} zips` : typeof files[0] === "string" ? files[0].split("/").pop() : files[0].name;
  await page.setInputFiles("#file", inputs);
  await looked(page, title);
}

/** Waits until the page has looked into the chosen zip. */
export async function looked(page, title) {
  const isReady = ({ title, reading }) => document.getElementById("zip-name").textContent === title && ![reading, ""].includes(document.getElementById("status").textContent);
  await page.waitForFunction(isReady, { title, reading: texts.reading });
}

/** Opens the options, as a person does. */
export async function openOptions(page) {
  if (!(await page.evaluate(() => document.getElementById("more-options").open))) await page.click("#more-options summary");
}

/** Moves a slider as a person does. */
export async function slide(page, id, value) {
  await openOptions(page);
  await page.locator(`#${id}`).fill(String(value));
}

/** Chooses the place of the conversion. */
export async function setPlace(page, place) {
  await openOptions(page);
  await page.check(`[value=${place}]`);
}

/** Saves the result of a finished conversion; resolves to its name and bytes. */
export async function save(page) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

/** Waits until a conversion has ended, well or not; resolves to the panel that says so. */
export async function ended(page) {
  await page.waitForSelector("#done:not([hidden]), #failed:not([hidden])");
  return (await page.isVisible("#done")) ? "done" : "failed";
}
