// The bundle in miniflare, with a simulated R2 bucket: raw workerd has none. A process of its own, so that a test can kill it
// with all that it started. Its argument is JSON; harness.mjs calls it.

import { join } from "node:path";

import { Log, LogLevel, Miniflare, convertV4MiniflareOptions } from "miniflare";

const { bundle, store, entry, vars, date, flags, inspected } = JSON.parse(process.argv[2]);
const modules = [
  { type: "ESModule", path: join(bundle, "index.js") },
  { type: "CompiledWasm", path: join(bundle, "index_bg.wasm") },
];
if (entry) modules.unshift({ type: "ESModule", path: join(bundle, "entry.js"), contents: entry });
const worker = {
  name: "recompress",
  compatibilityDate: date,
  compatibilityFlags: flags,
  modulesRoot: bundle,
  modules,
  bindings: vars,
  r2Buckets: { ARCHIVES: "archives" },
  // A socket without the proxy that miniflare puts in front: it changes how a transfer ends.
  unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
};
const runtime = new Miniflare({
  ...convertV4MiniflareOptions({ workers: [worker], unsafeTriggerHandlers: true }),
  // Nothing is asked of the network.
  cf: false,
  log: new Log(LogLevel.WARN),
  // The log of the Worker goes where the native server's goes.
  handleStructuredLogs: ({ level, message }) => process[level === "log" || level === "info" ? "stdout" : "stderr"].write(`${message}\n`),
  resourcePersistencePath: store,
  ...(inspected && { inspectorPort: 0 }),
});
await runtime.ready;
if (inspected) console.log(`inspector on ${await runtime.getInspectorURL()}`);
console.log(`listening on ${await runtime.unsafeGetDirectURL("recompress")}`);
