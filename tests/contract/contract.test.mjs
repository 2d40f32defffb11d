// schemathesis sends requests that /openapi.json allows, and many that it does not, and checks every answer against it.

import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { root, startWorker, untilIdle } from "../worker/harness.mjs";

const schemathesis = join(root, ".tools/schemathesis/bin/schemathesis");
const contract = join(root, "tests/contract");

test("the service answers as /openapi.json says", async (t) => {
  if (!existsSync(schemathesis)) throw new Error(`${schemathesis} is missing: .ci/schemathesis`);
  const store = mkdtempSync(join(tmpdir(), "recompress-store-"));
  t.after(() => rmSync(store, { recursive: true, force: true }));
  const { port } = await startWorker(t, { store, vars: { RECOMPRESS_OPEN: "1" } });
  // It writes its findings to its working directory.
  const folder = mkdtempSync(join(tmpdir(), "recompress-contract-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const args = ["--config-file", join(contract, "schemathesis.toml"), "run", "--no-color", `http://127.0.0.1:${port}/openapi.json`];
  const env = { ...process.env, SCHEMATHESIS_HOOKS: "hooks", PYTHONPATH: contract, PYTHONDONTWRITEBYTECODE: "1" };
  const { stdout } = await promisify(execFile)(schemathesis, args, { cwd: folder, env, timeout: 300_000, maxBuffer: 1 << 26 }).catch((failed) => {
    throw new Error(`${failed.stdout}\n${failed.stderr}`);
  });
  t.diagnostic(stdout.split(/=+ SUMMARY =+/)[1].replace(/\s*\n\s*/g, " "));
  await untilIdle(port);
});
