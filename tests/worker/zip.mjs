// A zip of members by name, stored without compression.

import { crc32 } from "node:zlib";

import { directoryHeader, endRecord, localHeader } from "../../fixtures/records.mjs";

/** The zip of these members: their contents by name, as text or bytes. */
export function zipOf(members) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const [name, given] of Object.entries(members)) {
    const contents = Buffer.from(given);
    const facts = { name, method: 0, crc: crc32(contents), compressedSize: contents.length, size: contents.length };
    const local = localHeader(facts);
    directory.push(directoryHeader({ ...facts, offset }));
    parts.push(local, contents);
    offset += local.length + contents.length;
  }
  const directorySize = directory.reduce((sum, header) => sum + header.length, 0);
  return Buffer.concat([...parts, ...directory, endRecord({ entries: directory.length, directorySize, offset })]);
}
