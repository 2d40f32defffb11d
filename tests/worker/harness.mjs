// The Worker in workerd itself, or the native server, and clients with timeouts.
//
// With SERVER=native in the environment the tests run against `recompress serve` instead of the Worker; with STORE=s3 besides, its
// archives are in a bucket of S3 instead of a folder.
//
// Not `wrangler dev`: the proxy it puts in front compresses, retries, and turns a cut transfer into a clean end.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));
export const bundle = process.env.WORKER_BUNDLE ?? join(root, "build");

/** The Worker for miniflare, as another Worker's service. */
export const service = {
  name: "recompress",
  compatibilityDate: settings().date,
  compatibilityFlags: settings().flags,
  modulesRoot: bundle,
  modules: [
    { type: "ESModule", path: join(bundle, "index.js") },
    { type: "CompiledWasm", path: join(bundle, "index_bg.wasm") },
  ],
};
export const recompress = process.env.RECOMPRESS ?? join(root, "target/debug/recompress");

/** Long, for a machine that is busy with other tests; a test that needs all of it has failed. */
const PATIENCE_MS = 180_000;

const running = new Set();
process.on("exit", () => running.forEach(kill));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

/** Not SIGTERM: that waits for responses which a test may have left open. */
function kill(server) {
  try {
    process.kill(-server.pid, "SIGKILL");
  } catch {} // it has ended
}

/** Whether the tests run against the native server. */
export const native = process.env.SERVER === "native";

/**
 * Starts the bundle under the compatibility date and flags of wrangler.toml. Resolves to its port and process.
 *
 * `entry` is the source of a module that runs before the Worker's own, `./index.js`: it can change the globals
 * that the Worker's Rust calls. So a test can shorten a wait or cause a panic, and the Worker needs no line of code
 * for the test. `vars` are variables of the deployment, instead of wrangler.toml's. `folder` has another
 * Worker than ours, `flags` are further compatibility flags, `args` are arguments of workerd.
 *
 * The native server has no such module: `options` are its own, for the same effect.
 *
 * `store` is a folder for archives: the Worker then runs in miniflare, with a bucket, and with an inspector if it is to be
 * `inspected`.
 */
export async function startWorker(t, { entry, vars = {}, options = [], folder = bundle, flags = [], args = [], store, inspected = false } = {}) {
  if (native && store && process.env.STORE === "s3") {
    const { address, vars: access } = await startS3(t, store);
    return startNative(t, { vars: { ...access, ...vars }, options: ["--store", address, ...options] });
  }
  if (native) return startNative(t, { vars, options: store ? ["--store", store, ...options] : options });
  return store ? startMiniflare(t, { entry, vars, flags, store, inspected }) : startWorkerd(t, { entry, vars, folder, flags, args });
}

/** Starts the bundle in miniflare with a bucket that is kept in the folder `store`. */
async function startMiniflare(t, { entry, vars, flags, store, inspected }) {
  const { date, flags: own } = settings();
  const asked = { bundle, store, entry, vars, date, flags: [...own, ...flags], inspected };
  const server = start(t, process.execPath, [join(root, "tests/worker/miniflare.mjs"), JSON.stringify(asked)]);
  return { port: await listening(server), ...server };
}

/**
 * Starts a service of S3 with a bucket that is kept in the folder `store`. Resolves to an address for `--store`, and the variables
 * that a server needs for it.
 */
export async function startS3(t, store) {
  const keys = { AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "secret" };
  const server = start(t, process.execPath, [join(root, "tests/native/s3.mjs"), store], keys);
  const endpoint = `http://127.0.0.1:${await listening(server)}/cdn-cgi/local/r2/s3`;
  return { ...server, address: "s3://archives/some/where", vars: { ...keys, AWS_ENDPOINT_URL: endpoint, AWS_ALLOW_HTTP: "true", AWS_REGION: "auto" } };
}

async function startWorkerd(t, { entry, vars, folder, flags, args }) {
  const config = join(folder, `test-${process.pid}.capnp`);
  writeFileSync(config, configuration({ entry, vars, folder, flags }));
  const binary = join(root, "node_modules/workerd/bin/workerd");
  // workerd writes on descriptor 3 which port it got.
  const server = start(t, binary, ["serve", config, "--socket-addr=http=127.0.0.1:0", "--control-fd=3", ...args]);
  t.after(() => rmSync(config, { force: true }));
  for await (const line of createInterface(server.process.stdio[3])) {
    const message = JSON.parse(line);
    if (message.event === "listen") return { port: message.port, ...server };
  }
  throw new Error(`workerd did not start:\n${server.log()}`);
}

/** Starts `recompress serve` on a port that is free, with as much memory as the Worker has. */
export async function startNative(t, { vars = {}, options = [] } = {}) {
  if (!options.includes("--memory")) options = ["--memory", 84 << 20, ...options];
  if (!existsSync(recompress)) throw new Error(`no ${recompress}: make test-build`);
  const server = start(t, recompress, ["serve", "--port", "0", ...options], vars);
  return { port: await listening(server), ...server };
}

/** The port that a server says it listens on. */
async function listening(server) {
  const ended = once(server.process, "exit");
  for (;;) {
    const isOver = await Promise.race([once(server.process.stdout, "data").then(() => false), ended.then(() => true)]);
    const port = server.written().match(/listening on http:\/\/127\.0\.0\.1:(\d+)\//)?.[1];
    if (port) return Number(port);
    if (isOver) throw new Error(`the server did not start:\n${server.log()}`);
  }
}

/** Starts a server that ends with the test. */
function start(t, command, args, vars = {}) {
  // A group of its own, so that a server ends with all that it started.
  const server = spawn(command, args, { stdio: ["ignore", "pipe", "pipe", "pipe"], env: { ...process.env, ...vars }, detached: true });
  running.add(server);
  const [written, log] = [server.stdout, server.stderr].map((stream) => {
    const parts = [];
    stream.on("data", (part) => parts.push(part));
    return () => Buffer.concat(parts).toString();
  });
  const stop = async () => {
    kill(server);
    if (server.exitCode === null && server.signalCode === null) await once(server, "exit");
    running.delete(server);
  };
  t.after(stop);
  /** The log lines of the requests that have ended, oldest first. */
  const accounts = () => (written().match(/^\{"request_id".*$/gm) ?? []).map((line) => JSON.parse(line));
  return { process: server, pid: server.pid, written, log, accounts, kill: stop };
}

/** The compatibility date and flags of wrangler.toml. */
function settings() {
  const toml = readFileSync(join(root, "wrangler.toml"), "utf8");
  const date = toml.match(/^compatibility_date = "(.*)"$/m)[1];
  return { date, flags: JSON.parse(toml.match(/^compatibility_flags = (\[.*\])$/m)?.[1] ?? "[]") };
}

function configuration({ entry, vars, folder, flags }) {
  if (!existsSync(join(folder, "index.js"))) throw new Error(`no Worker in ${folder}: make worker`);
  const { date, flags: own } = settings();
  const modules = readdirSync(folder).flatMap((name) => {
    if (name.endsWith(".js")) return [`(name = "${name}", esModule = embed "${name}")`];
    if (name.endsWith(".wasm")) return [`(name = "${name}", wasm = embed "${name}")`];
    return [];
  });
  // The module that is listed first is the one that answers.
  modules.sort((a, b) => b.includes('"index.js"') - a.includes('"index.js"'));
  if (entry) modules.unshift(`(name = "entry.js", esModule = ${JSON.stringify(entry)})`);
  const bindings = Object.entries(vars).map(([name, text]) => `(name = "${name}", text = "${text}")`);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    compatibilityDate = "${date}",
    compatibilityFlags = ${JSON.stringify([...own, ...flags])},
    modules = [${modules.join(", ")}],
    bindings = [${bindings.join(", ")}],
  ))],
  # This header has the edge's facts about a client, as JSON.
  sockets = [(name = "http", service = "main", http = (cfBlobHeader = "cf-blob"))],
);
`;
}

/**
 * Sends a request, its body as `chunks` if those are given, and resolves to all that came back: `error` is set when the
 * transfer broke, and `body` is then the part that arrived; without a `status` nothing did, as when a server that has refused
 * closes a connection on which there is still something on its way to it.
 */
export async function request(port, { method = "POST", path = "/", headers = {}, body, chunks, patience }) {
  const outgoing = open(port, { method, path, headers: body ? { "content-length": body.length, ...headers } : headers, patience });
  // A server that refuses need not read the rest of the upload.
  outgoing.on("error", () => {});
  const answer = answerTo(outgoing);
  if (chunks) {
    for await (const chunk of chunks) {
      if (outgoing.destroyed) break;
      if (!outgoing.write(chunk)) await Promise.race([once(outgoing, "drain").catch(() => {}), answer]);
    }
  }
  outgoing.end(body);
  return answer;
}

/** The Worker's report on its memory and its conversions. */
export async function health(port) {
  const { status, body } = await request(port, { method: "GET", path: "/health" });
  assert.equal(status, 200);
  return JSON.parse(body);
}

/** Waits until `wanted` accepts the answer of /health, and resolves to that answer. */
export async function until(port, wanted) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const state = await health(port);
    if (wanted(state)) return state;
    assert.ok(Date.now() < deadline, `after all patience not ${wanted}: ${JSON.stringify(state)}`);
    await setTimeout(20);
  }
}

/** Waits until no conversion runs or waits, and no memory is reserved. */
export async function untilIdle(port) {
  const state = await until(port, ({ active, waiting }) => active === 0 && waiting === 0);
  assert.equal(state.reserved_bytes, 0);
  return state;
}

/**
 * The share of a conversion at these parameters of a zip of this length: with one byte, it is without the held part of the
 * archive.
 */
export async function reservation(port, query, length = 1) {
  const path = `/estimate?zip_bytes=${length}&unpacked_bytes=1&${query}`;
  const { status, body } = await request(port, { method: "GET", path });
  assert.equal(status, 200);
  return JSON.parse(body).memory_bytes;
}

/** A request that the caller writes to, and ends. */
export function open(port, { method = "POST", path = "/", headers = {}, patience = PATIENCE_MS } = {}) {
  return http.request({ host: "127.0.0.1", port, method, path, headers, agent: false, signal: AbortSignal.timeout(patience) });
}

/** The whole answer to a request; or the part that arrived, and the error. */
export async function answerTo(outgoing) {
  try {
    const [incoming] = await once(outgoing, "response");
    return await allOf(incoming);
  } catch (error) {
    return { headers: {}, body: Buffer.alloc(0), error };
  }
}

/** All of an answer that has begun. */
export async function allOf(incoming) {
  const parts = [];
  let error;
  try {
    for await (const part of incoming) parts.push(part);
  } catch (broken) {
    error = broken;
  }
  return { status: incoming.statusCode, headers: incoming.headers, body: Buffer.concat(parts), error };
}

/** The command-line tool's result for `zip`: the bytes that the Worker must give. */
export function converted(zip, ...options) {
  return run(recompress, [...options, "-", "-o", "-"], { input: zip });
}

/**
 * Runs a command to its end, and returns its standard output. Blocks the event loop, so a server's log is not read: not
 * for use with hundreds of requests, whose log lines fill the server's pipe.
 */
export function run(command, args, options = {}) {
  const { error, status, signal, stdout, stderr } = spawnSync(command, args, {
    maxBuffer: 1 << 30,
    timeout: PATIENCE_MS,
    ...options,
  });
  if (error?.code === "ENOENT") {
    throw new Error(`${command} is missing: ${command === recompress ? "make test-build" : `install ${command}`}`);
  }
  if (error) throw error;
  assert.equal(status, 0, `${command} ${args.join(" ")}: status ${status ?? signal}\n${stderr}`);
  return stdout;
}

/** Bytes that do not compress, so that output follows input closely. */
export function noise(length, seed = 1) {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
