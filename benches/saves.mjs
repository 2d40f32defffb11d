// The cost of a save's JSON: natively against jomini's tape, and in workerd. `make bench-saves` prints the tables of
// docs/saves.md.
//
//     node benches/saves.mjs [PART]... [--rounds N] [--mib N] [--large-mib N] [--kind eu4|stellaris|ck3]
//
// Parts: native, select, large, workerd, many. All of them without a name. Ratios are those of runs in turn, pair by pair.

import { spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";

import { saveTo } from "../fixtures/save.mjs";
import { health, request, root, startWorker, untilIdle } from "../tests/worker/harness.mjs";
import { median, summary } from "./statistics.mjs";
import { convert, ours } from "./workers.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    mib: { type: "string", default: "46" },
    "large-mib": { type: "string", default: "1024" },
    kind: { type: "string", default: "eu4" },
  },
});
const rounds = Number(options.rounds);
const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
const program = join(target, "release/examples/save-json");
const recompress = process.env.RECOMPRESS ?? join(target, "release/recompress");
const folder = mkdtempSync(join(tmpdir(), "recompress-saves-"));
process.on("exit", () => rmSync(folder, { recursive: true }));

const mb = (bytes) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
const seconds = (numbers) => {
  const { median: middle, least, most } = summary(numbers);
  return `${middle.toFixed(2)} (${least.toFixed(2)}–${most.toFixed(2)})`;
};
const row = (cells) => console.log(`| ${cells.join(" | ")} |`);
const head = (cells) => {
  console.log();
  row(cells);
  row(cells.map((_, i) => (i ? "--:" : "---")));
};

/** A generated save: its zip, and the text of its `gamestate`. */
async function saved(mib) {
  const [zip, text] = [`save-${mib}.zip`, `save-${mib}.txt`].map((name) => join(folder, name));
  if (!existsSync(zip)) {
    await saveTo(zip, { kind: options.kind, mib });
    const file = openSync(text, "w");
    // Info-ZIP warns of the data before the zip of a save of Crusader Kings III, with status 1.
    const { status } = spawnSync("unzip", ["-p", zip, "gamestate"], { stdio: ["ignore", file, "ignore"] });
    closeSync(file);
    if (status > 1) throw new Error(`unzip: status ${status}`);
  }
  return { zip, text };
}

/** CPU and memory of one conversion in a process of its own, as that process reports them. */
function native(reader, text, ...args) {
  const { status, stdout, stderr } = spawnSync(program, [reader, text, ...args], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${reader}: status ${status}\n${stderr}`);
  const { cpu_ticks, peak_kib, ...facts } = JSON.parse(stdout);
  return { ...facts, cpu: cpu_ticks / 100, peak: peak_kib * 1024 };
}

/** Runs two conversions in turn. */
function paired(one, other) {
  const runs = Array.from({ length: rounds }, () => [one(), other()]);
  const of = (side, field) => runs.map((run) => run[side][field]);
  const ratio = (field) => median(runs.map(([a, b]) => a[field] / b[field]));
  return { of, ratio, facts: runs[0] };
}

const parts = {
  async native() {
    const { text } = await saved(Number(options.mib));
    console.log(`\n${mb(statSync(text).size)} of text, natively`);
    head(["keys", "CPU s", "tape", "ratio", "memory", "tape", "ratio", "JSON"]);
    for (const keys of ["preserve", "pairs", "group"]) {
      const whole = ["ours", "tape"].map((reader) => native(reader, text, "--keys", keys, "--digest").digest);
      if (whole[0] !== whole[1]) throw new Error(`${keys}: the JSON differs from the tape's`);
      const { of, ratio, facts } = paired(() => native("ours", text, "--keys", keys), () => native("tape", text, "--keys", keys));
      const memory = [0, 1].map((side) => mb(Math.max(...of(side, "peak"))));
      row([keys, seconds(of(0, "cpu")), seconds(of(1, "cpu")), ratio("cpu").toFixed(2), ...memory, `1/${Math.round(1 / ratio("peak"))}`, mb(facts[0].json_bytes)]);
    }
  },

  async select() {
    const { text } = await saved(Number(options.mib));
    const path = firstChild(text);
    const { of, ratio, facts } = paired(() => native("ours", text, "--select", path), () => native("ours", text));
    head(["", "CPU s", "of all", "JSON"]);
    row([`\`select=${path}\``, seconds(of(0, "cpu")), ratio("cpu").toFixed(2), mb(facts[0].json_bytes)]);
    row(["all", seconds(of(1, "cpu")), "1", mb(facts[1].json_bytes)]);
  },

  async large() {
    head(["text", "CPU s", "ns per byte", "memory", "read before the first JSON"]);
    for (const mib of [1, 8, 64, Number(options["large-mib"])]) {
      const { zip, text } = await saved(mib);
      const size = statSync(text).size;
      const { cpu, peak, read_before_first: before } = native("ours", text);
      row([mb(size), cpu.toFixed(2), ((cpu * 1e9) / size).toFixed(1), mb(peak), `${before >> 10} KiB`]);
      if (mib === Number(options["large-mib"])) {
        const { cpu, peak, firstByte, wall, bytes } = await commandLine(zip);
        row([`the same in a zip of ${mb(statSync(zip).size)}`, cpu.toFixed(2), ((cpu * 1e9) / size).toFixed(1), mb(peak), `${(firstByte * 1000).toFixed(0)} ms of ${wall.toFixed(1)} s, ${mb(bytes)} of JSON`]);
      }
    }
  },

  async workerd() {
    const { zip, text } = await saved(Number(options.mib));
    const body = readFileSync(zip);
    console.log(`\n${mb(statSync(text).size)} of text in a zip of ${mb(body.length)}, in workerd`);
    head(["", "CPU s", "s to the first byte", "wasm memory", "answer"]);
    const path = firstChild(text);
    for (const [name, query, headers] of [
      ["JSON", "", {}],
      ["JSON as brotli, quality 2", "?quality=2", { "accept-encoding": "br" }],
      ["JSON as brotli, quality 5", "?quality=5", { "accept-encoding": "br" }],
      [`\`select=${path}\``, `?select=${path}`, {}],
      ["`/inspect?meta=1`", undefined, {}],
    ]) {
      const cleanUp = [];
      try {
        const worker = await ours({ after: (task) => cleanUp.push(task) });
        const act = () => convert(worker, { body, path: query === undefined ? "/inspect?meta=1" : `/json${query}`, headers });
        await act();
        const runs = [];
        for (let round = 0; round < rounds; round++) runs.push(await act());
        row([name, seconds(runs.map(({ cpu }) => cpu)), median(runs.map(({ firstByte }) => firstByte)).toFixed(2), mb(runs[0].wasmBytes), mb(runs[0].bytes)]);
      } finally {
        for (const task of cleanUp) await task();
      }
    }
  },

  async many() {
    const body = readFileSync((await saved(Number(options.mib))).zip);
    head(["requests at once", "wasm memory", "answers"]);
    for (const count of [1, 4, 16]) {
      const cleanUp = [];
      try {
        const { port } = await startWorker({ after: (task) => cleanUp.push(task) });
        let refused = 0;
        const ask = async () => {
          const answer = await request(port, { path: "/json", body, headers: { "accept-encoding": "br" } });
          if (answer.status !== 503) return answer;
          refused++;
          await setTimeout(1000 * Number(answer.headers["retry-after"]));
          return ask();
        };
        const answers = await Promise.all(Array.from({ length: count }, ask));
        const whole = answers.filter(({ status, error, body }) => status === 200 && !error && body.equals(answers[0].body)).length;
        await untilIdle(port);
        row([count, mb((await health(port)).wasm_memory_bytes), `${whole} whole and the same, after ${refused} were told to come back`]);
      } finally {
        for (const task of cleanUp) await task();
      }
    }
  },
};

/** The path of a child of `countries`, or of the text's first object. */
function firstChild(text) {
  const { stdout } = spawnSync(recompress, ["json", "--lines", options.kind === "eu4" ? "/countries" : "/", text], { maxBuffer: 1 << 30, encoding: "utf8" });
  const { key } = JSON.parse(stdout.slice(0, stdout.indexOf("\n")));
  return options.kind === "eu4" ? `/countries/${key}` : `/${key}`;
}

/** The command line on a zip: its CPU and memory by time(1), and the clock's seconds to its first byte. */
async function commandLine(zip) {
  const start = performance.now();
  const child = spawn("/usr/bin/time", ["-f", "%U %S %M", recompress, "json", zip], { stdio: ["ignore", "pipe", "pipe"] });
  let [firstByte, bytes, said] = [undefined, 0, ""];
  child.stdout.on("data", (piece) => {
    firstByte ??= (performance.now() - start) / 1000;
    bytes += piece.length;
  });
  child.stderr.on("data", (text) => (said += text));
  const status = await new Promise((resolve) => child.on("close", resolve));
  if (status !== 0) throw new Error(said);
  const [user, system, kib] = said.trim().split("\n").at(-1).split(" ").map(Number);
  return { cpu: user + system, peak: kib * 1024, firstByte, bytes, wall: (performance.now() - start) / 1000 };
}

for (const part of positionals.length ? positionals : Object.keys(parts)) {
  if (!parts[part]) throw new Error(`no part ${part}: ${Object.keys(parts).join(", ")}`);
  await parts[part]();
}
