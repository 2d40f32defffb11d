// A preview of a zip before anything is sent: its first bytes, and the members in its central directory. The conversion reads
// the whole archive and is stricter. The data may be hostile, so everything is bounded.

import { texts } from "./texts.js";

/** Members that are kept for the list. All are counted. */
export const LISTED = 10_000;

/** The longest central directory that is read. With 131,072 members, the service's limit, one has about 12 MiB. */
const MOST_BYTES = 64 << 20;

/** Bytes read at once: more than the longest record, which has 46 + 3 × 65,535. */
const PIECE = 1 << 20;

/** Bytes of a name that are shown. */
const MOST_NAME = 4096;

/** Starts of a zip: a member, the end of an empty zip (also zip64), the markers of a split zip, the header of a save. */
const ZIP_STARTS = ["PK\x03\x04", "PK\x05\x06", "PK\x06\x06", "PK\x07\x08", "PK00", "SAV0"];

/** Starts of files that people take for zips, and the offset if it is not 0. */
const OTHER_STARTS = [
  ["exe", "MZ"],
  ["7z", "7z\xbc\xaf\x27\x1c"],
  ["rar", "Rar!\x1a\x07"],
  ["gz", "\x1f\x8b"],
  ["zst", "\x28\xb5\x2f\xfd"],
  ["xz", "\xfd7zXZ\x00"],
  ["bz2", "BZh"],
  ["tar", "ustar", 257],
  ["pdf", "%PDF"],
  ["html", "<!doctype html"],
  ["html", "<html"],
  ["jpg", "\xff\xd8\xff"],
  ["png", "\x89PNG"],
];

const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const MEMBER = 0x02014b50;

// Stored, deflate, deflate64, bzip2, lzma, zstd, xz.
const SUPPORTED = new Set([0, 8, 9, 12, 14, 93, 95]);

const METHODS = { 1: "shrunk", 6: "imploded", 98: "ppmd", 99: "aes" };

// 0x80 to 0xff of code page 437 (APPNOTE appendix D.1).
const UPPER_HALF =
  "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";

/**
 * The reason why `file` does not start like a zip; undefined if it does. The service decides by the same bytes.
 */
export async function startProblem(file) {
  if (file.size === 0) return texts.isEmpty;
  const start = String.fromCharCode(...new Uint8Array(await file.slice(0, 264).arrayBuffer()));
  if (ZIP_STARTS.some((zip) => start.startsWith(zip))) return undefined;
  const is = ([, bytes, offset = 0]) => start.slice(offset, offset + bytes.length).toLowerCase() === bytes.toLowerCase();
  const other = OTHER_STARTS.find(is);
  return other ? texts.isKind(texts.kinds[other[0]]) : texts.notZip;
}

/**
 * The members of `file` by its central directory. `problems` are certain refusals, with the codes of the service. `broken` is
 * the reason why the directory cannot be read, and `isCertain` says that the service will refuse the file for it.
 */
export async function readDirectory(file) {
  const found = { members: [], count: 0, unpacked: 0, problems: [], broken: undefined, isCertain: false };
  const start = await startProblem(file);
  if (start) return { ...found, broken: start, isCertain: true };
  const problems = new Map();
  const problem = (code, text) => {
    const seen = problems.get(code);
    if (seen) seen.more++;
    else problems.set(code, { code, text, more: 0 });
  };
  try {
    const end = await findEnd(file);
    if (end.disks) problem("multi_disk", texts.split);
    else await readMembers(file, end, found, problem);
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    found.broken = error.message;
    found.isCertain = error.isCertain;
  }
  found.problems = [...problems.values()];
  return found;
}

/** A directory that cannot be read. `isCertain` means that the service cannot read it either. */
class Broken extends Error {
  constructor(message, isCertain = false) {
    super(message);
    this.isCertain = isCertain;
  }
}

async function view(file, start, end) {
  return new DataView(await file.slice(Math.max(0, start), end).arrayBuffer());
}

/** The place of the central directory, by the end record and its zip64 form, if there is one (APPNOTE §4.3.14 to 16). */
async function findEnd(file) {
  // The comment can have 65,535 bytes, and zeros may follow it; as many of those are searched.
  const start = Math.max(0, file.size - (22 + 2 * 65535));
  const tail = await view(file, start, file.size);
  let at = tail.byteLength - 22;
  while (at >= 0 && !(tail.getUint32(at, true) === END && at + 22 + tail.getUint16(at + 20, true) <= tail.byteLength)) at--;
  if (at < 0) throw new Broken(texts.noEnd, true);
  const end = {
    disks: tail.getUint16(at + 4, true) !== tail.getUint16(at + 6, true) || tail.getUint16(at + 8, true) !== tail.getUint16(at + 10, true),
    count: tail.getUint16(at + 10, true),
    length: tail.getUint32(at + 12, true),
    at: start + at,
  };
  if (at >= 20 && tail.getUint32(at - 20, true) === LOCATOR_64) {
    const record = await view(file, end.at - 20 - 56, end.at - 20);
    if (record.byteLength !== 56 || record.getUint32(0, true) !== END_64) {
      throw new Broken(texts.noZip64End);
    }
    // If a field of the old record is full, the new record has the number.
    if (end.count === 0xffff) end.count = long(record, 32);
    if (end.length === 0xffffffff) end.length = long(record, 40);
    end.disks = record.getUint32(16, true) !== record.getUint32(20, true);
    end.at -= 20 + 56;
  }
  // Not from the stated offset, because games write a header of their own before the archive.
  end.start = end.at - end.length;
  if (end.start < 0) throw new Broken(texts.noRoom(end.length, end.at));
  return end;
}

/** A number of 64 bits. No file has 2^53 bytes. */
function long(data, at) {
  const number = Number(data.getBigUint64(at, true));
  if (!Number.isSafeInteger(number)) throw new Broken(texts.noFileHas);
  return number;
}

async function readMembers(file, end, found, problem) {
  if (end.length > MOST_BYTES) throw new Broken(texts.tooLong(end.length));
  let at = end.start;
  while (at < end.at) {
    const piece = await view(file, at, Math.min(end.at, at + PIECE));
    let next = 0;
    while (next + 46 <= piece.byteLength) {
      if (piece.getUint32(next, true) !== MEMBER) throw new Broken(texts.noMember(at + next));
      const length = 46 + piece.getUint16(next + 28, true) + piece.getUint16(next + 30, true) + piece.getUint16(next + 32, true);
      if (next + length > piece.byteLength) break;
      count(readMember(piece, next), found, problem);
      next += length;
    }
    // A piece has room for the longest record, so only a directory that is cut makes no progress.
    if (next === 0) throw new Broken(texts.cut);
    at += next;
  }
  if (found.count !== end.count) {
    throw new Broken(texts.counts(found.count, end.count));
  }
}

/** One whole record (APPNOTE §4.3.12). */
function readMember(data, at) {
  const member = {
    flags: data.getUint16(at + 8, true),
    method: data.getUint16(at + 10, true),
    packed: data.getUint32(at + 20, true),
    size: data.getUint32(at + 24, true),
    disk: data.getUint16(at + 34, true),
  };
  const nameLength = data.getUint16(at + 28, true);
  member.name = decode(new Uint8Array(data.buffer, data.byteOffset + at + 46, Math.min(nameLength, MOST_NAME)));
  // Numbers above 32 bits are in the zip64 extra field, in this order (APPNOTE §4.5.3).
  let extra = at + 46 + nameLength;
  const extraEnd = extra + data.getUint16(at + 30, true);
  while (extra + 4 <= extraEnd) {
    let value = extra + 4;
    const next = value + data.getUint16(extra + 2, true);
    if (data.getUint16(extra, true) === 1 && next <= extraEnd) {
      for (const field of ["size", "packed"]) {
        if (member[field] !== 0xffffffff || value + 8 > next) continue;
        member[field] = long(data, value);
        value += 8;
      }
    }
    extra = next;
  }
  return member;
}

function count(member, found, problem) {
  const { name, flags, method, disk, size, packed } = member;
  found.count++;
  found.unpacked += size;
  if (found.members.length < LISTED) found.members.push({ name, size, packed });
  const quoted = JSON.stringify(name);
  if (flags & 0x2041 || method === 99) problem("encrypted", texts.encrypted(quoted));
  else if (flags & 0x20) problem("unsupported_flag", texts.patch(quoted));
  else if (!SUPPORTED.has(method)) {
    problem("unsupported_method", texts.method(quoted, method, METHODS[method] ?? texts.unknown));
  }
  if (disk !== 0 && disk !== 0xffff) problem("multi_disk", texts.split);
}

/** Decodes UTF-8, flagged or not, and otherwise code page 437, which has a character for every byte. */
function decode(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return Array.from(bytes, (byte) => (byte < 0x80 ? String.fromCharCode(byte) : UPPER_HALF[byte - 0x80])).join("");
  }
}
