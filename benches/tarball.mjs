// The content of a tarball, to check that all contenders give the same members.

import { createHash } from "node:crypto";
import { brotliDecompressSync } from "node:zlib";

/** A digest of the names and contents of all files in a brotli-compressed ustar tarball, whatever their order and times. */
export function digest(compressed) {
  const tarball = brotliDecompressSync(compressed, { maxOutputLength: 2 ** 31 });
  const text = (from, to) => tarball.toString("utf8", from, to).split("\0")[0];
  const members = [];
  for (let at = 0; at + 512 <= tarball.length && tarball[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, at + 136), 8);
    const prefix = text(at + 345, at + 500);
    const name = `${prefix}${prefix && "/"}${text(at, at + 100)}`.replace(/^\.\//, "");
    const contents = tarball.subarray(at + 512, at + 512 + size);
    if (tarball[at + 156] !== 53) members.push(`${name} ${createHash("sha256").update(contents).digest("hex")}`);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return { bytes: tarball.length, members: members.length, sha256: createHash("sha256").update(members.sort().join("\n")).digest("hex") };
}
