// CPU time and memory of a process.

import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";

const ticks = Number(execFileSync("getconf", ["CLK_TCK"]));

/** CPU seconds of a process so far, user and system, to a hundredth (proc_pid_stat(5)). */
export function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticks;
}

/** CPU seconds of the threads that a process has now, to the nanosecond: for one whose threads stay (proc_pid_schedstat(5)). */
export function cpuOfThreads(pid) {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce((sum, thread) => sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]), 0) / 1e9;
}

/** Bytes that a process has in memory now, and the most that it had (proc_pid_status(5)). */
export function memoryOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const [now, peak] = ["VmRSS", "VmHWM"].map((field) => 1024 * Number(status.match(new RegExp(`^${field}:\\s+(\\d+) kB`, "m"))[1]));
  return { now, peak };
}

/** Forgets the most that a process had in memory until now. */
export function forgetPeak(pid) {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}
