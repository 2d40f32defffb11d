// A Worker with a bucket that fails when a test says so, and what is in the bucket.

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { request, startWorker } from "./harness.mjs";

/**
 * Runs before the Worker's own module. Paths below /test/ are the test's: `faults` sets which calls fail, `list` gives the keys,
 * `sweep` runs the sweep `?days=` from now.
 *
 * A fault is `{ call, failures, after }`: the next `failures` calls of this name fail, with `after` when they are already done.
 */
const ENTRY = `import Worker from "./index.js";
const faults = {};
let ahead = 0;
const { now } = Date;
Date.now = () => now() + ahead;
const failing = (target, name) => async (...args) => {
  const fault = faults[name];
  const fails = fault !== undefined && fault.failures-- > 0;
  if (fails && !fault.after) throw new Error(name + ": " + (fault.message ?? "We encountered an internal error. Please try again. (10001)"));
  const result = await target[name](...args);
  if (fails) throw new Error(name + ": the answer was lost (10001)");
  return name === "createMultipartUpload" ? watched(result) : result;
};
const CALLS = ["get", "head", "put", "delete", "list", "createMultipartUpload", "uploadPart", "complete", "abort"];
const watched = (target) => Object.fromEntries(CALLS.filter((name) => target[name]).map((name) => [name, failing(target, name)]));
export default class extends Worker {
  constructor(context, env) { super(context, { ...env, ARCHIVES: watched(env.ARCHIVES) }); this.bucket = env.ARCHIVES; }
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/test/faults") { Object.assign(faults, await request.json()); return new Response("ok"); }
    if (pathname === "/test/list") return Response.json((await this.bucket.list()).objects.map(({ key }) => key));
    if (pathname === "/test/sweep") {
      ahead = Number(searchParams.get("days")) * 24 * 60 * 60 * 1000;
      try { await super.scheduled({ cron: "", scheduledTime: Date.now() }); } finally { ahead = 0; }
      return new Response("ok");
    }
    return super.fetch(request);
  }
}`;

/** Starts it in a folder that is deleted after the test. */
export async function startBucket(t, { vars = {}, store = mkdtempSync(join(tmpdir(), "recompress-bucket-")), entry = ENTRY, inspected } = {}) {
  t.after(() => rmSync(store, { recursive: true, force: true }));
  const server = await startWorker(t, { store, entry, inspected, vars: { RECOMPRESS_OPEN: "1", ...vars } });
  const { port } = server;
  const at = (path, body) => request(port, { method: body ? "POST" : "GET", path: `/test/${path}`, body });
  return {
    ...server,
    store,
    /** Makes calls fail. */
    fail: (faults) => at("faults", Buffer.from(JSON.stringify(faults))),
    /** The keys in the bucket. */
    keys: async () => JSON.parse((await at("list")).body),
    /** Runs the daily sweep, as so many days from now. */
    sweep: (days) => at(`sweep?days=${days}`),
    /** The states of the uploads in parts, oldest first. */
    uploads: () => uploads(store),
    put: (id, body, { query = "quality=5", method = "PUT", ...more } = {}) => request(port, { method, path: `/archives/${id}?${query}`, body, ...more }),
    get: (path, more) => request(port, { method: "GET", path: `/archives/${path}`, ...more }),
  };
}

/** The states of the multipart uploads in miniflare's database, oldest first. R2's API does not list them. */
export function uploads(folder, key = "%") {
  const databases = readdirSync(folder, { recursive: true }).filter((name) => /r2.*[0-9a-f]{64}\.sqlite$/.test(name));
  return databases.flatMap((name) => {
    const database = new DatabaseSync(join(folder, name), { readOnly: true, timeout: 10_000 });
    try {
      // Until the first upload there is no table.
      if (!database.prepare("SELECT 1 FROM sqlite_master WHERE name = '_mf_multipart_uploads'").get()) return [];
      const rows = database.prepare("SELECT state FROM _mf_multipart_uploads WHERE key LIKE ? ORDER BY rowid").all(key);
      return rows.map(({ state }) => ["open", "completed", "aborted"][state]);
    } finally {
      database.close();
    }
  });
}
