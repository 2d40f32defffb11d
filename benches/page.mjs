// docs/performance.md, of which the tables and plots are written here and everything else by hand: what is measured goes
// between the marks `<!-- begin NAME -->` and `<!-- end NAME -->`.
//
//     node benches/page.mjs       writes them again from docs/performance/results.json

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { root } from "../tests/worker/harness.mjs";
import { COMMAND_LINE, HINTED, OURS, PIPELINE, PLATFORM, ZIP_JS, contenders } from "./contenders.mjs";
import { names } from "./corpus.mjs";
import { plot } from "./plot.mjs";
import { Results } from "./results.mjs";
import { median, summary } from "./statistics.mjs";

const PAGE = join(root, "docs/performance.md");
const peers = contenders.map(({ name }) => name).filter((name) => name !== OURS);

const table = (head, rows) => [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.map((cell) => String(cell).replaceAll("|", "\\|")).join(" | ")} |`).join("\n");
const megabytes = (bytes) => (bytes / 1e6).toFixed(0);

/** Seconds, and half of the range. */
function seconds(numbers) {
  const { median: middle, least, most } = summary(numbers);
  return `${middle.toFixed(2)} ± ${((most - least) / 2).toFixed(2)}`;
}

/** The ratios of the rounds of two contenders; one of the second that only ran once serves all rounds of the first. */
const ratios = (ours, theirs) => ours.map((value, round) => value / (theirs[round] ?? median(theirs)));

function ratio(ours, theirs) {
  const { median: middle, least, most } = summary(ratios(ours, theirs));
  return theirs.length > 1 ? `${middle.toFixed(2)} ± ${((most - least) / 2).toFixed(2)}` : middle.toFixed(2);
}

/** The order of the tables' rows. */
const QUALITIES = ["9", "5", "auto", "10"];
const LGWINS = [22, 18, 24, 20];

function inOrder(cells) {
  const place = ({ asked, lgwin, corpus }) => QUALITIES.indexOf(asked) * 100 + LGWINS.indexOf(lgwin) * 10 + names.indexOf(corpus);
  return Object.values(cells).toSorted((one, other) => place(one) - place(other));
}

/** Rows by quality, window and corpus, with `show(ours, theirs)` for each peer. */
function versus(cells, first, show) {
  const rows = inOrder(cells).map(({ corpus, asked, quality, lgwin, unpacked, contenders: measured }) => [
    asked === "auto" ? `auto: ${quality}` : quality,
    lgwin,
    `${corpus}, ${megabytes(unpacked)} MB`,
    first(measured[OURS]),
    ...peers.map((peer) => (measured[peer] ? show(measured[OURS], measured[peer]) : "")),
  ]);
  return table(["quality", "lgwin", "file", OURS, ...peers], rows);
}

/** The parts of the page, each with the measurements that it shows. */
const tables = {
  goals: { of: "cells", make: goals },
  cpu: { of: "cells", make: ({ cells }) => versus(cells, ({ cpu }) => seconds(cpu), (ours, theirs) => ratio(ours.cpu, theirs.cpu)) },
  bytes: { of: "cells", make: ({ cells }) => versus(cells, ({ bytes }) => bytes, (ours, theirs) => (ours.bytes / theirs.bytes).toFixed(4)) },
  memory: {
    of: "cells",
    make: ({ cells }) => versus(cells, ({ memory, wasmBytes }) => `${megabytes(memory)}, wasm ${megabytes(wasmBytes)}`, (_, theirs) => megabytes(theirs.memory)),
  },
  first: { of: "cells", make: ({ cells }) => versus(cells, ({ firstByte }) => median(firstByte).toFixed(2), (_, theirs) => median(theirs.firstByte).toFixed(2)) },
  encoder: {
    of: "encoder",
    make: ({ encoder }) =>
      table(
        ["file", "quality", "lgwin", "whole, CPU s", "encoder alone", "the same in C", "whole ÷ encoder", "wasm ÷ C"],
        Object.values(encoder).map(({ corpus, quality, lgwin, whole, wasm, native }) => [
          ...[corpus, quality, lgwin],
          ...[whole, wasm, native].map(seconds),
          ratio(whole, wasm),
          ratio(wasm, native),
        ]),
      ),
  },
  scaling: {
    of: "scaling",
    make: ({ scaling }) =>
      table(
        ["", "MB unpacked", "CPU s", "s for each 100 MB", "MB of memory", "MB of wasm"],
        Object.entries(scaling).flatMap(([name, points]) =>
          points.map(({ unpacked, cpu, memory, wasmBytes }) => [
            ...[name, (unpacked / 1e6).toFixed(1), cpu.toFixed(2), ((cpu / unpacked) * 1e8).toFixed(2), megabytes(memory)],
            wasmBytes ? megabytes(wasmBytes) : "",
          ]),
        ),
      ),
  },
  start: {
    of: "start",
    make: ({ start: { recompress, nothing, wasm } }) => {
      const more = (what) => median(recompress[what].map((value, round) => value - nothing[what][round])).toFixed(3);
      const rows = [
        ["recompress", seconds(recompress.cpu), seconds(recompress.seconds)],
        ["a Worker that does nothing", seconds(nothing.cpu), seconds(nothing.seconds)],
        ["difference, median of the rounds", more("cpu"), more("seconds")],
      ];
      return `${table(["", "CPU s to the first answer", "s to the first answer"], rows)}\n\nThe wasm has ${wasm.bytes} bytes, ${wasm.gzipped} gzipped.`;
    },
  },
  versions: { of: "versions", make: ({ versions }) => table(["program", "version"], Object.entries(versions)) },
};

/** The goals and the results. */
function goals({ cells, encoder }) {
  const at = (corpus, quality, lgwin) => cells[`${corpus}, quality ${quality}, lgwin ${lgwin}`]?.contenders;
  const rows = [];
  const row = (what, value, goal, digits = 2) => {
    if (value !== undefined) rows.push([what, value.toFixed(digits), `≤ ${goal}`, value <= goal ? "yes" : "no"]);
  };
  const cpu = (measured, peer) => (measured?.[peer] ? median(ratios(measured[OURS].cpu, measured[peer].cpu)) : undefined);
  const bytes = (measured, peer) => (measured?.[peer] ? measured[OURS].bytes / measured[peer].bytes : undefined);
  const save = at("save", 9, 22);
  row(`CPU, save, 9/22, Worker ÷ ${PIPELINE}`, cpu(save, PIPELINE), 1.25);
  row(`CPU, save, 9/22 ÷ ${PLATFORM}`, cpu(save, PLATFORM), 1.1);
  row(`CPU, save, 9/22 ÷ ${ZIP_JS}`, cpu(save, ZIP_JS), 0.9);
  row(`bytes, save, 9/22 ÷ ${HINTED}`, bytes(save, HINTED), 1.001, 4);
  row(`CPU, save, 10/20, Worker ÷ ${HINTED}`, cpu(at("save", 10, 20), HINTED), 1.1);
  const all = Object.values(cells).map(({ contenders: measured }) => measured);
  const worst = (show) => Math.max(...all.flatMap((measured) => show(measured) ?? []));
  row(`CPU ÷ ${ZIP_JS}, the worst of all below`, worst((measured) => cpu(measured, ZIP_JS)), 1);
  row("bytes ÷ the smallest peer's, the worst of all below", worst((measured) => peers.flatMap((peer) => bytes(measured, peer) ?? [])), 1, 4);
  const alone = encoder?.["save, quality 9, lgwin 22"];
  row("CPU, save, 9/22, whole ÷ the encoder alone", alone && median(ratios(alone.whole, alone.wasm)), 1.1);
  return table(["what", "measured", "goal", "met"], rows);
}

const plots = {
  "ratio-save.svg": { of: "cells", make: ({ cells }) => ratioPlot(cells, "save") },
  "ratio-source.svg": { of: "cells", make: ({ cells }) => ratioPlot(cells, "source") },
  "memory.svg": {
    of: "memory",
    make: ({ memory }) =>
      plot({
        title: "Memory of the Worker's wasm, by quality and window",
        x: { label: "lgwin", from: 15.5, to: 24.5, ticks: [16, 18, 20, 22, 24] },
        y: { label: "MB of linear memory", from: 0, to: 120, ticks: [0, 20, 40, 60, 80, 100, 120] },
        series: Object.entries(memory).map(([name, points]) => ({ name, points: points.map(([lgwin, bytes]) => [lgwin, bytes / 1e6]) })),
      }),
  },
  "cpu.svg": {
    of: "scaling",
    make: ({ scaling }) =>
      growthPlot(scaling, "CPU as the input grows", ({ cpu }) => cpu, { label: "seconds of CPU", log: true, from: 0.01, to: 100, ticks: [0.01, 0.1, 1, 10, 100] }),
  },
  "growth.svg": {
    of: "scaling",
    make: ({ scaling }) =>
      growthPlot(scaling, "Memory as the input grows", ({ memory }) => memory / 1e6, { label: "MB more than when idle", from: 0, to: 200, ticks: [0, 50, 100, 150, 200] }),
  },
};

/** MB of the tarball that a second of CPU compresses, and how much smaller it gets. */
function ratioPlot(cells, corpus) {
  const measured = Object.values(cells).filter((cell) => cell.corpus === corpus && cell.lgwin === 22 && cell.asked !== "auto");
  if (measured.length === 0) return undefined;
  const { unpacked } = measured[0];
  const series = [OURS, ...peers].map((name) => ({
    name,
    bold: name === OURS || name === COMMAND_LINE,
    dashed: !name.includes("Worker"),
    points: measured
      .filter(({ contenders: all }) => all[name])
      .map(({ quality, contenders: all }) => [unpacked / 1e6 / median(all[name].cpu), unpacked / all[name].bytes, name === OURS ? `q${quality}` : undefined])
      .sort(([a], [b]) => a - b),
  }));
  const all = series.flatMap(({ points }) => points);
  const [least, most] = [Math.min(...all.map(([, y]) => y)), Math.max(...all.map(([, y]) => y))];
  const step = [0.05, 0.1, 0.2, 0.5, 1, 2].find((size) => (most - least) / size < 8);
  const [from, to] = [Math.floor(least / step - 0.2) * step, Math.ceil(most / step + 0.2) * step];
  return plot({
    title: `Speed against ratio: ${corpus}, lgwin 22`,
    x: { label: "MB unpacked for each second of CPU", log: true, from: 2, to: 200, ticks: [2, 5, 10, 20, 50, 100, 200] },
    y: { label: "times smaller", from, to, ticks: Array.from({ length: Math.round((to - from) / step) + 1 }, (_, i) => Number((from + i * step).toFixed(2))) },
    series,
  });
}

function growthPlot(scaling, title, value, y) {
  const series = Object.entries(scaling)
    .filter(([name]) => !name.includes("bytes"))
    .map(([name, points]) => ({ name: name.replace(", one member, Dec", ", Dec").replace(", Worker", ""), dashed: name.includes(PLATFORM), points: points.map((point) => [point.unpacked / 1e6, value(point)]) }));
  const x = { label: "MB unpacked", log: true, from: 0.8, to: 1300, ticks: [1, 10, 100, 1000] };
  return plot({ title: `${title}: in workerd, lgwin 22`, x, y, series });
}

/** Writes the parts that have measurements, and leaves the rest as it is. */
export function writePage(parts) {
  let page = readFileSync(PAGE, "utf8");
  for (const [name, { of, make }] of Object.entries(tables)) {
    if (!parts[of]) continue;
    const written = make(parts);
    page = page.replace(new RegExp(`(<!-- begin ${name} -->\n)[^]*?(<!-- end ${name} -->)`), (_, begin, end) => `${begin}\n${written}\n\n${end}`);
  }
  writeFileSync(PAGE, page);
  for (const [name, { of, make }] of Object.entries(plots)) {
    const drawn = parts[of] && make(parts);
    if (drawn) writeFileSync(join(root, "docs/performance", name), drawn);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writePage(new Results().parts);
