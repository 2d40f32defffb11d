// Where the Worker spends its time: V8's sampling profiler in workerd, by the names of the wasm's functions.
//
//     node tools/profile.mjs [--quality N] [--lgwin N] [--corpus NAME] [--mib N] [--top N]

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { parseArgs } from "node:util";

import { corpus } from "../benches/corpus.mjs";
import { convert, greet, ours } from "../benches/workers.mjs";

const { values: options } = parseArgs({
  options: {
    quality: { type: "string", default: "9" },
    lgwin: { type: "string", default: "22" },
    corpus: { type: "string", default: "save" },
    mib: { type: "string", default: "46" },
    top: { type: "string", default: "25" },
  },
});

/** The purpose of a function: the first pattern that matches. */
const PARTS = [
  ["brotli", /mbrotli|fearless_simd/],
  ["inflate", /zlib_rs|inflate/i],
  ["CRC-32", /crc32/],
  ["copying, clearing, allocating", /^(memcpy|memset|memmove|memcmp|__rust_|dlmalloc)|dlmalloc|alloc::/],
  ["the rest of the converter", /recompress|core::|alloc|std::/],
  ["glue of wasm and JavaScript", /wasm|js-to-wasm|bindgen|^__wbg|futures|index\.js/],
  ["outside of the isolate's code, idle included", /^\((program|idle|root)\)$/],
  ["JavaScript's garbage collector", /^\(garbage collector\)$/],
];

/** A free port. */
async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

/** The inspector of the only Worker at `port`: sends a command, resolves to its result. */
async function inspector(port) {
  const [{ webSocketDebuggerUrl: url }] = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
  const socket = new WebSocket(url);
  await once(socket, "open");
  const waiting = new Map();
  socket.addEventListener("message", ({ data }) => {
    const { id, result, error } = JSON.parse(data);
    const answer = waiting.get(id);
    waiting.delete(id);
    if (error) answer?.reject(new Error(error.message));
    else answer?.resolve(result);
  });
  let last = 0;
  return (method, params = {}) =>
    new Promise((resolve, reject) => {
      waiting.set(++last, { resolve, reject });
      socket.send(JSON.stringify({ id: last, method, params }));
    });
}

/** Microseconds of each function itself. */
function selfTimes({ nodes, samples, timeDeltas }) {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, callFrame.functionName || callFrame.url || "(anonymous)"]));
  const times = new Map();
  samples.forEach((id, index) => times.set(names.get(id), (times.get(names.get(id)) ?? 0) + timeDeltas[index]));
  return [...times].sort(([, a], [, b]) => b - a);
}

const cleanUp = [];
try {
  const port = await freePort();
  const worker = await ours({ after: (task) => cleanUp.push(task) }, { args: [`-i127.0.0.1:${port}`] });
  await greet(worker);
  const { file } = await corpus(options.corpus, Number(options.mib));
  const job = { body: readFileSync(file), path: worker.path(options.quality, options.lgwin) };
  const send = await inspector(port);
  await send("Profiler.enable");
  await convert(worker, job);
  await send("Profiler.setSamplingInterval", { interval: 500 });
  await send("Profiler.start");
  const { cpu } = await convert(worker, job);
  const { profile } = await send("Profiler.stop");
  const times = selfTimes(profile);
  const idle = times.find(([name]) => name === "(idle)")?.[1] ?? 0;
  const total = times.reduce((sum, [, time]) => sum + time, 0) - idle;
  const share = (time) => `${((100 * time) / total).toFixed(1)} %`;

  console.log(`${options.corpus}, quality ${options.quality}, lgwin ${options.lgwin}: ${cpu.toFixed(2)} s of CPU\n\n| part | share |\n| --- | --- |`);
  const parts = new Map();
  for (const [name, time] of times) {
    if (name === "(idle)") continue;
    const [part] = PARTS.find(([, pattern]) => pattern.test(name)) ?? ["other"];
    parts.set(part, (parts.get(part) ?? 0) + time);
  }
  for (const [part, time] of [...parts].sort(([, a], [, b]) => b - a)) console.log(`| ${part} | ${share(time)} |`);
  console.log("\n| function | share |\n| --- | --- |");
  for (const [name, time] of times.filter(([name]) => name !== "(idle)").slice(0, Number(options.top))) console.log(`| \`${name}\` | ${share(time)} |`);
} finally {
  for (const task of cleanUp) await task();
}
process.exit();
