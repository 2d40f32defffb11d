// Random archives by Python's zipfile and by Info-ZIP; property.py writes, converts and reads them back. Others at each
// run. A failure says with which seed to see it again.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const recompress = process.env.RECOMPRESS ?? join(root, "target/debug/recompress");
const seed = process.env.SEED ?? String(randomInt(2 ** 32));

test(`tarfile, GNU tar and bsdtar read the random archives of Python and Info-ZIP back, from seed ${seed}`, () => {
  const property = [join(root, "tests/writers/property.py"), recompress, "--seed", seed, "--count", "150"];
  const { error, status, stderr } = spawnSync("python3", property, { encoding: "utf8", timeout: 300_000 });
  if (error) throw error;
  assert.equal(status, 0, stderr);
});
