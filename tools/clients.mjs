// Real clients, most of which send everything before they read, with archives that do not compress. Each one gets the right
// bytes or the documented end of its request, and another client is served meanwhile. `make soak`
//
//     node tools/clients.mjs [--mib 9,12,60] [--only requests,wget]      with SERVER=native: the native server

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";

import { zipSync } from "fflate";

import { converted, native, noise, request, root, startWorker, untilIdle } from "../tests/worker/harness.mjs";

const { values: options } = parseArgs({
  options: { mib: { type: "string", default: "9,12,60" }, only: { type: "string", default: "" } },
});

/** Milliseconds after which a client counts as hanging. */
const HANGS_MS = 120_000;

/** Outcomes in the log that docs/operating.md has for clients that send before they read. */
const DOCUMENTED = ["answer_unread", "truncated"];

const QUERY = "quality=1";
const here = join(root, "tools/clients");
const folder = mkdtempSync(join(tmpdir(), "recompress-clients-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

/** A Python with the libraries, in .tools/. */
function python() {
  const home = join(root, ".tools/clients");
  const program = join(home, "bin/python");
  const run = (command, ...args) => assert.equal(spawnSync(command, args, { stdio: "inherit" }).status, 0, `${command} ${args}`);
  if (!existsSync(program)) run("python3", "-m", "venv", home);
  if (spawnSync(program, ["-c", "import requests, httpx, aiohttp"]).status !== 0) run(program, "-m", "pip", "--quiet", "install", "requests", "httpx", "aiohttp");
  return program;
}

const byPython = (name) => [name, (url, file, out) => [python(), join(here, "client.py"), name, url, file, out]];
const byJava = (name) => [name, (url, file, out) => ["java", join(here, "Client.java"), name, url, file, out]];
const CLIENTS = Object.fromEntries([
  ...["requests", "requests-generator", "requests-form", "httpx", "aiohttp", "http.client", "urllib"].map(byPython),
  ["wget", (url, file, out) => ["wget", "-q", "--tries=1", "--timeout=0", `--post-file=${file}`, "-O", out, url]],
  ...["HttpClient", "HttpURLConnection"].map(byJava),
  ["curl", (url, file, out) => ["curl", "-sS", "--fail-with-body", "--data-binary", `@${file}`, "-o", out, url]],
]);

const cleanUp = [];
const { port, accounts, log } = await startWorker({ after: (task) => cleanUp.push(task) });
const small = Buffer.from(zipSync({ "noise.bin": noise(1 << 20) }, { level: 0 }));
const smallBytes = converted(small, "--quality", 1);
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Runs a client; resolves to the time, and whether it got these bytes. */
async function run(name, file, expected) {
  const out = join(folder, "out");
  rmSync(out, { force: true });
  const [command, ...args] = CLIENTS[name](`http://127.0.0.1:${port}/?${QUERY}`, file, out);
  const begun = performance.now();
  const client = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"] });
  const said = [];
  client.stderr.on("data", (text) => said.push(text));
  const watch = AbortSignal.timeout(HANGS_MS);
  watch.onabort = () => client.kill("SIGKILL");
  const exit = once(client, "exit");
  let ended = false;
  exit.finally(() => (ended = true));
  const others = [];
  while (!ended) {
    const start = performance.now();
    const { status, body } = await request(port, { path: `/?${QUERY}`, body: small });
    assert.equal(status, 200, `${body}`);
    assert.ok(body.equals(smallBytes), "the other client is right");
    others.push(performance.now() - start);
    await Promise.race([exit, setTimeout(250)]);
  }
  const [status, signal] = await exit;
  const seconds = (performance.now() - begun) / 1000;
  const isRight = status === 0 && existsSync(out) && sha256(readFileSync(out)) === expected;
  return { isRight, hangs: signal !== null, seconds, said: Buffer.concat(said).toString().trim().split("\n").at(-1), others };
}

let failed = 0;
for (const mib of options.mib.split(",").map(Number)) {
  const zip = Buffer.from(zipSync({ "noise.bin": noise(mib << 20) }, { level: 0 }));
  const file = join(folder, "noise.zip");
  writeFileSync(file, zip);
  const expected = sha256(converted(zip, "--quality", 1));
  for (const name of Object.keys(CLIENTS).filter((name) => !options.only || options.only.split(",").includes(name))) {
    const before = accounts().length;
    const { isRight, hangs, seconds, said, others } = await run(name, file, expected);
    await untilIdle(port);
    const outcomes = accounts().slice(before).map(({ outcome }) => outcome).filter((outcome) => outcome !== "ok");
    const isDocumented = !isRight && !hangs && outcomes.length === 1 && DOCUMENTED.includes(outcomes[0]);
    if (!isRight && !isDocumented) failed += 1;
    const worst = Math.round(Math.max(...others));
    const result = isRight ? "right" : hangs ? "HANGS" : `${isDocumented ? "" : "WRONG "}${outcomes} (${said.slice(0, 100)})`;
    console.log(`${native ? "native" : "workerd"} ${String(mib).padStart(2)} MiB ${name.padEnd(18)} ${seconds.toFixed(1).padStart(5)} s  ${result}; others: ${others.length} right, at most ${worst} ms`);
  }
}
for (const task of cleanUp) await task();
// workerd reports each answer that breaks off.
assert.doesNotMatch(log(), /panicked/);
assert.equal(failed, 0, "each client gets the right bytes, or its documented end");
