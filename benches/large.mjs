// Zips of any size that cost nothing to make: one piece of a save, deflated once, over and over. It is longer than the
// largest window, so that no encoder sees it again.

import { crc32, constants, deflateRawSync, inflateRawSync } from "node:zlib";

import { save } from "../fixtures/save.mjs";

const MIB = 1 << 20;
const PIECE_MIB = 17;
/** What ends a raw deflate stream whose blocks so far end at a whole byte: a last block of nothing (RFC 1951 §3.2.6). */
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
  const size = copies * text.length;
  const deflatedSize = copies * deflated.length + LAST_BLOCK.length;
  const names = Array.from({ length: count }, (_, index) => Buffer.from(`member ${String(index).padStart(6, "0")}`));
  const local = Buffer.alloc(30); // APPNOTE §4.3.7
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(20, 4);
  local.writeUInt16LE(8, 8);
  local.writeUInt16LE(0x505d, 12);
  local.writeUInt32LE(crc, 14);
  local.writeUInt32LE(deflatedSize, 18);
  local.writeUInt32LE(size, 22);
  local.writeUInt16LE(names[0].length, 26);
  const each = local.length + names[0].length + deflatedSize;
  const directory = names.map((name, index) => {
    const record = Buffer.alloc(46); // APPNOTE §4.3.12
    record.writeUInt32LE(0x02014b50, 0);
    record.writeUInt16LE(20, 4);
    local.copy(record, 6, 4, 30);
    record.writeUInt32LE(index * each, 42);
    return Buffer.concat([record, name]);
  });
  const directorySize = directory.reduce((sum, { length }) => sum + length, 0);
  const end = Buffer.alloc(22); // APPNOTE §4.3.16
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(directorySize, 12);
  end.writeUInt32LE(count * each, 16);
  return {
    unpacked: count * size,
    length: count * each + directorySize + end.length,
    *chunks() {
      for (const name of names) {
        yield Buffer.concat([local, name]);
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
