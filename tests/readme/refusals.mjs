// Bodies of 8 MB that are refused, each with its code. Most have their fault at the front of an archive, and noise after it:
// the client is still sending when the service knows.

import { randomBytes } from "node:crypto";
import { crc32, deflateRawSync } from "node:zlib";

import { directoryHeader, endRecord, localHeader } from "../../fixtures/records.mjs";

const BODY_BYTES = 8 << 20;
const random = randomBytes(BODY_BYTES);

/** `start`, and noise up to 8 MB. */
const padded = (start) => Buffer.concat([start, random.subarray(start.length)]);

/**
 * A small archive, with the places of its records. A member is `{ name, contents, method, data }`, and any field of its headers;
 * `local` and `directory` are fields of one of them only.
 */
function archive(...members) {
  const parts = [];
  let length = 0;
  const add = (part) => {
    parts.push(part);
    length += part.length;
    return length - part.length;
  };
  const written = members.map(({ contents = "hello\n", method = 0, local = {}, directory = {}, data, ...fields }) => {
    const plain = Buffer.from(contents);
    const packed = data ?? (method === 8 ? deflateRawSync(plain) : plain);
    const member = { name: "a.txt", method, crc: crc32(plain), compressedSize: packed.length, size: plain.length, ...fields };
    const offset = add(localHeader({ ...member, ...local }));
    add(packed);
    return { ...member, ...directory, offset };
  });
  const start = length;
  const headers = written.map((member) => add(directoryHeader(member)));
  const end = add(endRecord({ entries: written.length, directorySize: length - start, offset: start }));
  return { bytes: Buffer.concat(parts), locals: written.map(({ offset }) => offset), headers, start, end };
}

/** An archive of these members with a change, and noise after it. */
function changed(members, change) {
  const made = archive(...members);
  const bytes = change(made.bytes, made) ?? made.bytes;
  return padded(bytes);
}

/** The bit of a data descriptor, in both headers of an only member. */
function descriptor(bytes, { locals: [local], headers: [header] }) {
  bytes[local + 6] |= 8;
  bytes[header + 8] |= 8;
}

const insert = (bytes, at, more) => Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]);
const plain = {};

/** Deflate blocks without contents, and without a last one. */
const emptyBlocks = Buffer.alloc(BODY_BYTES, Buffer.from([0, 0, 0, 0xff, 0xff]));

/** A zip64 field without the values that its header refers to. */
function emptyZip64(bytes, { locals: [at] }) {
  bytes.writeUInt32LE(0xffffffff, at + 18);
  bytes.writeUInt32LE(0xffffffff, at + 22);
  bytes.writeUInt16LE(4, at + 28);
  return insert(bytes, at + 30 + 5, Buffer.from([1, 0, 0, 0]));
}

/** A descriptor that is right in none of its forms. */
function wrongDescriptor(bytes, made) {
  descriptor(bytes, made);
  bytes.fill(0, made.locals[0] + 14, made.locals[0] + 26);
  return insert(bytes, made.start, Buffer.from("PK\x07\x08............", "latin1"));
}

/** As `[method, path, headers, body, code]`. */
export const refusals = () => [
  ["POST", "/?quality=12", [], random, "bad_option"],
  ["POST", "/?nope=1", [], random, "bad_option"],
  ["POST", "/", ["Content-Type: multipart/form-data; boundary=x"], random, "bad_form"],
  ["POST", "/", [], random, "not_zip"],
  ["POST", "/inspect", [], random, "not_zip"],
  ["POST", "/", ["Content-Encoding: gzip"], random, "content_encoding"],
  ["POST", "/nowhere/at/all", [], random, "not_found"],
  ["DELETE", "/", [], random, "method_not_allowed"],
  ["POST", "/?quality=11&lgwin=24", [], random, "too_much_memory"],
  ["POST", "/", [], archive({ method: 8, data: emptyBlocks }).bytes.subarray(0, BODY_BYTES), "truncated"],
  ["POST", "/", [], changed([plain], (bytes, { start }) => insert(bytes, start, Buffer.from("gap"))), "unexpected_record"],
  ["POST", "/", [], changed([{ method: 8, data: Buffer.from([7]) }], () => {}), "bad_data"],
  ["POST", "/", [], changed([{ crc: 1 }], () => {}), "crc_mismatch"],
  ["POST", "/", [], changed([{ method: 8, size: 3 }], () => {}), "size_mismatch"],
  ["POST", "/", [], changed([{ method: 8 }], wrongDescriptor), "bad_descriptor"],
  ["POST", "/", [], changed([plain], emptyZip64), "bad_zip64"],
  ["POST", "/", [], changed([{ directory: { crc: 1 } }], () => {}), "cd_mismatch"],
  ["POST", "/", [], changed([plain], (bytes, { end }) => void bytes.writeUInt16LE(2, end + 10)), "bad_eocd"],
  ["POST", "/", [], changed([plain], () => {}), "trailing_data"],
  ["POST", "/", [], changed([{ name: "a\xff" }], (bytes, { locals: [at] }) => void (bytes[at + 7] |= 8)), "bad_name"],
  ["POST", "/", [], changed([{ name: "../a" }], () => {}), "unsafe_name"],
  ["POST", "/", [], changed([plain, { contents: "other" }], () => {}), "duplicate_name"],
  ["POST", "/", [], changed([plain, { name: "a.txt/b" }], () => {}), "name_conflict"],
  ["POST", "/", [], changed([{ name: "d/" }], () => {}), "directory_with_data"],
  ["POST", "/", [], changed([{ name: "x".repeat(4097) }], () => {}), "name_too_long"],
  ["POST", "/", [], changed([plain], (bytes) => void (bytes[6] |= 1)), "encrypted"],
  ["POST", "/", [], changed([{ method: 77 }], () => {}), "unsupported_method"],
  ["POST", "/", [], changed([plain], (bytes) => void (bytes[6] |= 32)), "unsupported_flag"],
  ["POST", "/", [], changed([plain], (bytes, { end }) => void bytes.writeUInt16LE(1, end + 4)), "multi_disk"],
  ["POST", "/", [], padded(Buffer.concat([Buffer.from("MZ".padEnd(512, "\0")), archive(plain).bytes])), "prefixed"],
  ["POST", "/json", [], archive({ contents: random }).bytes, "save_missing"],
  ["POST", "/json?member=a.txt", [], changed([{ contents: "EU4bin".padEnd(100, "\x01") }], () => {}), "binary_save"],
  ["POST", "/json", [], padded(Buffer.from("EU4txt\ndate=1444.11.11\n}\n".padEnd(1 << 20))), "bad_text"],
  ["POST", "/json", [], Buffer.concat([Buffer.from("EU4txt\na={"), Buffer.alloc(BODY_BYTES, "{")]), "too_deep"],
  ["POST", "/json", [], Buffer.concat([Buffer.from("EU4txt\n"), Buffer.alloc(BODY_BYTES, "a")]), "scalar_too_long"],
];
