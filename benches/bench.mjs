// What a conversion costs, here and elsewhere, paired: each round runs every contender once on the same file, so that
// what else the machine does meets all of them. Compare ratios of one run, not seconds of two.
//
//     node benches/bench.mjs [--rounds N] [--quality N]... [--lgwin N]... [--mib N] [FILE.zip]...
//
// CPU seconds are user and system time of all processes of a contender, its start apart where it is a server.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";

import { save } from "../fixtures/save.mjs";
import { request, root, startWorker } from "../tests/worker/harness.mjs";

const { values: options, positionals: files } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    quality: { type: "string", multiple: true, default: ["5", "9"] },
    lgwin: { type: "string", multiple: true, default: ["22"] },
    mib: { type: "string", default: "46" },
  },
});

/** Runs a line of shell. Its last line of output counts the bytes. */
function shell(line) {
  const script = `TIMEFORMAT='%U %S'; set -o pipefail; { time { ${line} | wc -c; } } 2>&1`;
  const lines = execFileSync("bash", ["-c", script], { maxBuffer: 1 << 20 }).toString().trim().split("\n");
  const [user, system] = lines.pop().split(" ").map(Number);
  return { cpu: user + system, bytes: Number(lines.pop()) };
}

/** CPU seconds of a process so far (proc_pid_stat(5)). */
function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticks;
}
const ticks = Number(execFileSync("getconf", ["CLK_TCK"]));

const cleanUp = [];
const worker = await startWorker({ after: (task) => cleanUp.push(task) });
const folder = mkdtempSync(join(tmpdir(), "recompress-bench-"));
cleanUp.push(() => rmSync(folder, { recursive: true }));

const contenders = {
  "Worker, in workerd": async (file, quality, lgwin) => {
    const before = cpuOf(worker.pid);
    const path = `/?quality=${quality}&lgwin=${lgwin}`;
    const { status, body, error } = await request(worker.port, { path, body: readFileSync(file) });
    if (status !== 200 || error) throw error ?? new Error(`status ${status}: ${body}`);
    return { cpu: cpuOf(worker.pid) - before, bytes: body.length };
  },
  "command line": async (file, quality, lgwin) =>
    shell(`'${root}target/release/recompress' -q ${quality} -w ${lgwin} '${file}' -o -`),
  "bsdtar to brotli": async (file, quality, lgwin) =>
    shell(`bsdtar --format ustar -cf - '@${file}' | brotli -c -q ${quality} -w ${lgwin}`),
};
const yardstick = "bsdtar to brotli";

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
const spread = (numbers) => `${Math.min(...numbers).toFixed(2)}–${Math.max(...numbers).toFixed(2)}`;

try {
  if (files.length === 0) {
    files.push(join(folder, "save.zip"));
    writeFileSync(files[0], await save({ mib: Number(options.mib) }));
  }
  console.log(`| file | quality | lgwin | contender | CPU s, median (spread) | ÷ ${yardstick} | bytes | ÷ ${yardstick} |`);
  console.log("| --- | --- | --- | --- | --- | --- | --- | --- |");
  for (const file of files) {
    for (const quality of options.quality) {
      for (const lgwin of options.lgwin) {
        const rounds = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
        for (let round = 0; round < Number(options.rounds); round++) {
          for (const [name, convert] of Object.entries(contenders)) rounds[name].push(await convert(file, quality, lgwin));
        }
        const base = rounds[yardstick];
        for (const [name, runs] of Object.entries(rounds)) {
          const seconds = runs.map(({ cpu }) => cpu);
          // Of the ratios of the rounds, so that each compares two runs that met the same machine.
          const cost = median(runs.map(({ cpu }, round) => cpu / base[round].cpu));
          const cells = [basename(file), quality, lgwin, name, `${median(seconds).toFixed(2)} (${spread(seconds)})`];
          console.log(`| ${[...cells, cost.toFixed(2), runs[0].bytes, (runs[0].bytes / base[0].bytes).toFixed(4)].join(" | ")} |`);
        }
      }
    }
  }
} finally {
  for (const task of cleanUp) await task();
}
