// The measurements, in a file that every part adds to: an interrupted run keeps its results.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { root } from "../tests/worker/harness.mjs";

export const DEFAULT_FILE = join(root, "docs/performance/results.json");

export class Results {
  constructor(file = DEFAULT_FILE) {
    this.file = file;
    this.parts = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  }

  /** Sets one entry of a part, and writes the file. */
  set(part, key, value) {
    this.parts[part] = { ...this.parts[part], [key]: value };
    mkdirSync(dirname(this.file), { recursive: true });
    // A line for each entry, so that a diff shows the changes of a run.
    const parts = Object.entries(this.parts).map(([name, entries]) => {
      const lines = Object.entries(entries).map(([entry, measured]) => `    ${JSON.stringify(entry)}: ${JSON.stringify(measured)}`);
      return `  ${JSON.stringify(name)}: {\n${lines.join(",\n")}\n  }`;
    });
    writeFileSync(this.file, `{\n${parts.join(",\n")}\n}\n`);
  }
}
