// The cache of files that the benchmark makes once.

import { join } from "node:path";

import { root } from "../tests/worker/harness.mjs";

export const cache = join(root, "target/bench");
