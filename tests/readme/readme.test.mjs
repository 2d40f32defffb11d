// Runs the README's transcripts and compares their output.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { recompress, root, startWorker } from "../worker/harness.mjs";

/** The commands with their expected output, in order. */
function transcripts(text) {
  const blocks = [...text.matchAll(/^```console\n(.*?)^```$/gms)].map(([, block]) => block);
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((step) => {
        const end = step.indexOf("\n") + 1;
        return { command: step.slice(0, end).trim(), expected: step.slice(end) };
      }),
  );
}

test("the README's commands print the output that it shows", async (t) => {
  const steps = transcripts(readFileSync(join(root, "README.md"), "utf8"));
  assert.ok(steps.length > 5 && steps.some(({ command }) => command.startsWith("curl ")), `${steps.length} commands`);
  const { port } = await startWorker(t);
  const folder = mkdtempSync(join(tmpdir(), "recompress-readme-"));
  t.after(() => rmSync(folder, { recursive: true }));
  // These differ between machines: the paths of the service, the repository and the tool, and the time zone.
  const [shown, here] = ["http://localhost:8787", `http://127.0.0.1:${port}`];
  const env = { ...process.env, PATH: `${dirname(recompress)}:${process.env.PATH}`, TZ: "UTC", LC_ALL: "C.UTF-8" };
  for (const { command, expected } of steps) {
    const run = promisify(execFile)("bash", ["-o", "pipefail", "-c", command.replaceAll(shown, here).replaceAll("fixtures/", join(root, "fixtures/"))], { cwd: folder, env, timeout: 180_000 });
    const { stdout, stderr } = await run;
    assert.equal((stdout + stderr).replaceAll(here, shown), expected, `$ ${command}`);
  }
});
