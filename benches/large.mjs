// Zips of any size that cost nothing to make: one piece of a save, deflated once, over and over. It is longer than the
// largest window, so that no encoder sees it again.

import { crc32, constants, deflateRawSync, inflateRawSync } from "node:zlib";

import { directoryHeader, endRecord, localHeader } from "../fixtures/records.mjs";
import { save } from "../fixtures/hard.mjs";

const MIB = 1 << 20;
const PIECE_MIB = 17;
/** The end of a raw deflate stream whose blocks so far end at a whole byte: an empty last block (RFC 1951 §3.2.6). */
const LAST_BLOCK = Buffer.from([3, 0]);

/** The text of a save, deflated so that another copy can follow it. */
export async function piece(mib) {
  const zip = await save({ mib: Math.min(mib, PIECE_MIB) });
  // The second member is the text.
  const first = zip.readUInt32LE(18) + 30 + zip.readUInt16LE(26);
  const from = first + 30 + zip.readUInt16LE(first + 26);
  const text = inflateRawSync(zip.subarray(from, from + zip.readUInt32LE(first + 18)));
  return { text, deflated: deflateRawSync(text, { finishFlush: constants.Z_FULL_FLUSH }) };
}

/** A zip of `count` members, each of `copies` of the piece: its length, and its bytes piece by piece. */
export function repeated({ text, deflated }, { count, copies }) {
  let crc = 0;
  for (let copy = 0; copy < copies; copy++) crc = crc32(text, crc);
  const member = (index) => ({
    name: `member ${String(index).padStart(6, "0")}`,
    crc,
    compressedSize: copies * deflated.length + LAST_BLOCK.length,
    size: copies * text.length,
  });
  const members = Array.from({ length: count }, (_, index) => member(index));
  const locals = members.map(localHeader);
  const each = locals[0].length + members[0].compressedSize;
  const directory = members.map((one, index) => directoryHeader({ ...one, offset: index * each }));
  const directorySize = directory.reduce((sum, { length }) => sum + length, 0);
  const end = endRecord({ entries: count, directorySize, offset: count * each });
  return {
    unpacked: count * members[0].size,
    length: count * each + directorySize + end.length,
    *chunks() {
      for (const local of locals) {
        yield local;
        for (let copy = 0; copy < copies; copy++) yield deflated;
        yield LAST_BLOCK;
      }
      yield* directory;
      yield end;
    },
  };
}

/** A zip of about so many MiB of text, in one member or in several. */
export async function large(mib, { members = 1 } = {}) {
  const share = Math.max(1, Math.round(mib / members));
  const one = await piece(share);
  return repeated(one, { count: members, copies: Math.max(1, Math.round((share * MIB) / one.text.length)) });
}
