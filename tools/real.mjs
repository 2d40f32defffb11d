// A benchmark and decode check over a folder of real zips, kept outside the repository: they are not ours to publish.
//
//     node tools/real.mjs DIR [--quality N]... [--rounds N] [--program FILE]
//
// Converts every zip of DIR with the command line program, decodes the result with node's brotli and Python's tarfile,
// and compares each member with Python's zipfile: two programs that share no code with ours. Prints a markdown table, then
// medians and ranges for each file extension and for all files. CPU time is user and system time of the program divided
// by the bytes of the tarball, the least of all rounds. Exits with 1 if a decoded file differs.

import { spawn, spawnSync } from "node:child_process";
import { closeSync, createReadStream, mkdtempSync, openSync, readSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createBrotliDecompress } from "node:zlib";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values: options, positionals } = parseArgs({
  options: {
    quality: { type: "string", multiple: true, default: ["5", "9"] },
    rounds: { type: "string", default: "1" },
    program: { type: "string", default: join(root, "target/release/recompress") },
  },
  allowPositionals: true,
});
if (positionals.length !== 1) {
  console.error("usage: node tools/real.mjs DIR [--quality N]... [--rounds N] [--program FILE]");
  process.exit(2);
}
const [folder] = positionals;

// Reads a tarball from standard input, and fails unless it has the same files as the zip: bytes before the zip's first
// record are the member `__leading_data`. Prints the length of the tarball.
const COMPARE = `
import sys, tarfile, zipfile
class Counted:
    size = 0
    def read(self, n=-1):
        piece = sys.stdin.buffer.read(n); self.size += len(piece); return piece
stream = Counted()
archive = zipfile.ZipFile(sys.argv[1])
lead = min(member.header_offset for member in archive.infolist())
wanted = {member.filename: member for member in archive.infolist() if not member.is_dir()}
if lead: wanted["__leading_data"] = None
with tarfile.open(fileobj=stream, mode="r|") as tar:
    for member in tar:
        if not member.isfile(): continue
        if member.name not in wanted: sys.exit("not in the zip: " + member.name)
        zipped = wanted.pop(member.name)
        ours = tar.extractfile(member)
        theirs = archive.open(zipped) if zipped else open(sys.argv[1], "rb")
        left = zipped.file_size if zipped else lead
        if member.size != left: sys.exit("another size: " + member.name)
        while left:
            n = min(left, 1 << 20)
            if ours.read(n) != theirs.read(n): sys.exit("another content: " + member.name)
            left -= n
if wanted: sys.exit("not in the tarball: " + ", ".join(wanted))
while stream.read(1 << 16): pass
print(stream.size)
`;

/** User and system seconds of a program. The shell measures them, because node reports only its own. */
function cpuSeconds(...command) {
  const { status, stderr } = spawnSync("bash", ["-c", 'TIMEFORMAT="%3U %3S"; time "$@"', "bash", ...command], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr.trim());
  const [user, system] = stderr.trim().split("\n").at(-1).split(" ").map(Number);
  return user + system;
}

/** Decodes a result and compares it with its zip. Resolves to the tarball's length; rejects if they differ. */
async function decoded(zip, result) {
  const compare = spawn("python3", ["-c", COMPARE, zip], { stdio: ["pipe", "pipe", "pipe"] });
  const said = { stdout: "", stderr: "" };
  for (const name of Object.keys(said)) compare[name].setEncoding("utf8").on("data", (text) => (said[name] += text));
  const ended = new Promise((resolve) => compare.on("close", resolve));
  const broken = await pipeline(createReadStream(result), createBrotliDecompress(), compare.stdin).catch((error) => error);
  if ((await ended) !== 0) throw new Error(said.stderr.trim().split("\n").at(-1));
  if (broken) throw broken;
  return Number(said.stdout);
}

/** Whether a file starts as a zip, or as the header line of a save that has a zip after it. */
function isZip(file) {
  const start = Buffer.alloc(4);
  const opened = openSync(file);
  readSync(opened, start, 0, 4, 0);
  closeSync(opened);
  return ["PK\x03\x04", "SAV0"].includes(start.toString("latin1"));
}

async function measure(file, temporary) {
  const zip = join(folder, file);
  const row = { file, zip: statSync(zip).size, unpacked: 0, bytes: {}, cpu: {}, verdict: "yes" };
  for (const quality of options.quality) {
    const result = join(temporary, "result.tar.br");
    const convert = () => cpuSeconds(options.program, "--force", "-q", quality, "-o", result, zip);
    try {
      const seconds = Math.min(...Array.from({ length: Number(options.rounds) }, convert));
      row.unpacked = await decoded(zip, result);
      row.bytes[quality] = statSync(result).size;
      row.cpu[quality] = (seconds * 1e9) / row.unpacked;
    } catch (error) {
      row.verdict = `**no**, quality ${quality}: ${error.message.split("\n")[0]}`;
    }
  }
  return row;
}

const sorted = (numbers) => numbers.toSorted((a, b) => a - b);
function median(numbers) {
  const list = sorted(numbers);
  return (list[(list.length - 1) >> 1] + list[list.length >> 1]) / 2;
}
/** Median and range. */
function spread(numbers, digits = 0) {
  const list = sorted(numbers);
  return list.length ? `${median(list).toFixed(digits)} (${list[0].toFixed(digits)}–${list.at(-1).toFixed(digits)})` : "–";
}

const count = (n) => n.toLocaleString("en-US");
const smaller = (row, quality) => 100 * (1 - row.bytes[quality] / row.zip);
const line = (cells) => console.log(`| ${cells.join(" | ")} |`);
function head(cells) {
  line(cells);
  line(cells.map((_, i) => (i ? "--:" : "---")));
}

const files = readdirSync(folder).sort().filter((file) => statSync(join(folder, file)).isFile());
const zips = files.filter((file) => isZip(join(folder, file)));
const temporary = mkdtempSync(join(tmpdir(), "recompress-real-"));
process.on("exit", () => rmSync(temporary, { recursive: true }));

const of = (title) => options.quality.map((quality) => `q${quality}${title}`);
head(["zip", "bytes", "unpacked ÷ zip", ...of(""), ...of(", % smaller"), ...of(", ns per byte"), "decodes to the same"]);
const rows = [];
for (const file of zips) {
  const row = await measure(file, temporary);
  rows.push(row);
  const each = (show) => options.quality.map((quality) => (row.bytes[quality] ? show(quality) : "–"));
  line([row.file, count(row.zip), (row.unpacked / row.zip).toFixed(1), ...each((q) => count(row.bytes[q])), ...each((q) => smaller(row, q).toFixed(1)), ...each((q) => row.cpu[q].toFixed(1)), row.verdict]);
}

const good = rows.filter((row) => row.verdict === "yes");
console.log();
head(["median (range)", "files", "unpacked ÷ zip", ...of(", % smaller"), ...of(", ns per byte")]);
const groups = Map.groupBy(good, (row) => extname(row.file));
for (const [group, members] of [...groups, ["all", good]]) {
  const each = (measured, digits) => options.quality.map((quality) => spread(members.map((row) => measured(row, quality)), digits));
  line([group, members.length, spread(members.map((row) => row.unpacked / row.zip), 1), ...each(smaller, 0), ...each((row, q) => row.cpu[q], 1)]);
}
if (zips.length < files.length) console.log(`\nNot zips, left out: ${files.filter((file) => !zips.includes(file)).join(", ")}.`);
process.exitCode = rows.length > 0 && good.length === rows.length ? 0 : 1;
