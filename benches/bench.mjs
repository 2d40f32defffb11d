// The cost of a conversion, with recompress and with other tools. `make bench`
//
//     node benches/bench.mjs [PART]... [--rounds N] [--quality N|auto]... [--lgwin N]... [--corpus NAME]...
//                            [--contender TEXT]... [--mib N] [--save-mib N] [--patience S] [--out FILE]
//
// Parts: versions, cells (all contenders), encoder, memory, scaling, start. All of them without a name. A contender that
// takes longer than --patience converts once only. The measurements go to --out, which is
// docs/performance/results.json, and from there to the tables and plots of docs/performance.md.

import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { parseArgs } from "node:util";

import { cell } from "./cells.mjs";
import { OURS, PIPELINE, contenders } from "./contenders.mjs";
import { corpus, names } from "./corpus.mjs";
import { encoder } from "./encoder.mjs";
import { memory } from "./windows.mjs";
import { writePage } from "./page.mjs";
import { DEFAULT_FILE, Results } from "./results.mjs";
import { scaling } from "./scaling.mjs";
import { start } from "./start.mjs";
import { median, summary } from "./statistics.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    quality: { type: "string", multiple: true, default: ["9", "5"] },
    lgwin: { type: "string", multiple: true, default: ["22", "18", "24"] },
    corpus: { type: "string", multiple: true },
    contender: { type: "string", multiple: true, default: [""] },
    mib: { type: "string", default: "10" },
    "save-mib": { type: "string", default: "46" },
    patience: { type: "string", default: "30" }, // seconds of CPU
    largest: { type: "string", default: "1000" }, // MiB of scaling
    out: { type: "string", default: DEFAULT_FILE },
  },
});
const rounds = Number(options.rounds);
const patience = Number(options.patience);
/** The corpora on which the window matters; the others differ in their members. */
const WINDOWED = ["save", "source", "json", "binary", "images"];

async function cells(results) {
  const taking = contenders.filter(({ name }) => name === OURS || options.contender.some((text) => name.includes(text)));
  for (const lgwin of options.lgwin) {
    for (const quality of options.quality) {
      for (const name of options.corpus ?? (lgwin === "22" ? names : WINDOWED)) {
        const { file } = await corpus(name, Number(name === "save" ? options["save-mib"] : options.mib));
        const key = `${name}, quality ${quality}, lgwin ${lgwin}`;
        const measured = await cell({ file, quality, lgwin, rounds, patience, contenders: taking }).catch((error) => {
          // The other cells are worth having all the same.
          console.error(`\n${key}: ${error.stack}`);
          process.exitCode = 1;
        });
        if (!measured) continue;
        results.set("cells", key, { corpus: name, asked: quality, lgwin: Number(lgwin), upload: statSync(file).size, ...measured });
        print(key, measured.contenders);
      }
    }
  }
}

function print(key, measured) {
  const base = measured[PIPELINE] ?? measured[OURS];
  console.log(`\n${key}\n| | CPU s, median (spread) | ÷ ${PIPELINE} | bytes | ÷ | MB of memory | s to the first byte |\n| --- | --- | --- | --- | --- | --- | --- |`);
  for (const [name, { cpu, bytes, memory, firstByte }] of Object.entries(measured)) {
    const { median: seconds, least, most } = summary(cpu);
    const ratio = median(cpu.map((value, round) => value / (base.cpu[round] ?? median(base.cpu))));
    const cells = [
      name,
      `${seconds.toFixed(3)} (${least.toFixed(3)}–${most.toFixed(3)})`,
      ratio.toFixed(2),
      bytes,
      (bytes / base.bytes).toFixed(4),
      (memory / 1e6).toFixed(0),
      median(firstByte).toFixed(2),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}

/** The programs that took part. */
function versions(results) {
  const say = (program, ...args) => execFileSync(program, args).toString().split("\n")[0];
  const all = {
    bsdtar: say("bsdtar", "--version"),
    brotli: say("brotli", "--version"),
    "node's brotli": process.versions.brotli,
    node: process.version,
    workerd: say("node_modules/workerd/bin/workerd", "--version"),
    unzip: say("unzip", "-v"),
  };
  for (const [name, version] of Object.entries(all)) results.set("versions", name, version);
}

const parts = {
  versions,
  cells,
  encoder: (results) => encoder(results, options),
  memory,
  scaling: (results) => scaling(results, options),
  start,
};

const results = new Results(options.out);
for (const part of positionals.length ? positionals : Object.keys(parts)) {
  if (!parts[part]) throw new Error(`no part ${part}: ${Object.keys(parts).join(", ")}`);
  await parts[part](results);
}
if (options.out === DEFAULT_FILE) writePage(results.parts);
