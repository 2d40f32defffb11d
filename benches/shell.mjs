// A contender that is a line of shell.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const file = join(tmpdir(), `recompress-bench-${process.pid}.peaks`);

/** The prefix of each program of a line that measures its memory: time(1), not the shell's own `time`. */
export const MEASURED = `/usr/bin/time -a -o '${file}' -f %M`;

/**
 * Runs a line and resolves to its cost: CPU seconds of all its processes, the clock's seconds to its first byte, its
 * bytes, and the peak memory of its measured programs: their sum, or the most where they run one after another.
 */
export async function run(line, { keep = false, inTurn = false } = {}) {
  rmSync(file, { force: true });
  const start = performance.now();
  const script = `TIMEFORMAT='%3U %3S'; set -eo pipefail; time { ${line}; }`;
  const shell = spawn("bash", ["-c", script], { stdio: ["ignore", "pipe", "pipe"] });
  const parts = [];
  let bytes = 0;
  let firstByte;
  shell.stdout.on("data", (part) => {
    firstByte ??= (performance.now() - start) / 1000;
    bytes += part.length;
    if (keep) parts.push(part);
  });
  const said = [];
  shell.stderr.on("data", (text) => said.push(text));
  const [status] = await once(shell, "close");
  const lines = Buffer.concat(said).toString().trim().split("\n");
  if (status !== 0) throw new Error(`${line}: status ${status}\n${lines.join("\n")}`);
  const [user, system] = lines.pop().split(" ").map(Number);
  const peak = readFileSync(file, "utf8").trim().split("\n").map((kib) => Number(kib) * 1024);
  const memory = inTurn ? Math.max(...peak) : peak.reduce((sum, bytes) => sum + bytes);
  rmSync(file, { force: true });
  return { cpu: user + system, firstByte, bytes, memory, result: keep ? Buffer.concat(parts) : undefined };
}
