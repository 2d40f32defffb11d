// The charsets of the option `names`, as the tests of the Worker and of the page need them.

import { crc32 } from "node:zlib";

/** The option's value, the label of the Encoding standard, and the codes that decoders read in different ways. */
export const CHARSETS = [
  { names: "cp932", label: "shift_jis", disputed: [] },
  { names: "big5", label: "big5", disputed: [0x8862, 0x8864, 0x88a3, 0x88a5] },
  {
    names: "gbk",
    label: "gbk",
    disputed: [0xa6d9, 0xa6da, 0xa6db, 0xa6dc, 0xa6dd, 0xa6de, 0xa6df, 0xa6ec, 0xa6ed, 0xa6f3, 0xfe59, 0xfe61, 0xfe66, 0xfe67, 0xfe6d, 0xfe7e, 0xfe90, 0xfea0],
  },
  { names: "euc-kr", label: "euc-kr", disputed: [] },
];

/**
 * All codes of two bytes that this runtime's decoder reads as one character, as numbers, and the ones that it does not. A
 * function of its own text: other runtimes evaluate it.
 */
export function codesOf(label) {
  const decoder = new TextDecoder(label);
  const [valid, invalid, seen] = [[], [], new Set()];
  for (let lead = 0x81; lead <= 0xff; lead++) {
    for (let trail = 0x30; trail <= 0xff; trail++) {
      const text = decoder.decode(new Uint8Array([lead, trail]));
      if (/[\ufffd\ue000-\uf8ff]/.test(text)) invalid.push((lead << 8) | trail);
      // Two characters say nothing about the table. Some characters have two codes.
      else if ([...text].length === 1 && !seen.has(text)) valid.push((lead << 8) | trail), seen.add(text);
    }
  }
  return { valid, invalid };
}

/** A code as the bytes of a name. */
export function bytesOf(code) {
  return Buffer.from([code >> 8, code & 0xff]);
}

/** A zip of empty stored files with these names, as bytes and without the UTF-8 flag. */
export function zipNamed(names) {
  const locals = [];
  const directory = [];
  let offset = 0;
  for (const name of names) {
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(0x5a6b, 8);
    fields.writeUInt32LE(crc32(""), 10);
    fields.writeUInt16LE(name.length, 22);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    locals.push(Buffer.from("PK\x03\x04"), fields, name);
    directory.push(Buffer.from("PK\x01\x02\x14\x00"), fields, rest, name);
    offset += 30 + name.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", 0, "latin1");
  end.writeUInt16LE(names.length, 8);
  end.writeUInt16LE(names.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, central, end]);
}
