// The central directory of a zip, read from its end: what is in it, before anything is sent. The conversion goes by the
// whole archive and is stricter; this is a preview, of data that may be hostile, so everything is bounded.

/** Members that are kept to be listed; all are counted. */
export const LISTED = 10_000;

/** Bytes of a central directory that are read. At 131,072 members, which the service takes, one has about 12 MiB. */
const MOST_BYTES = 64 << 20;

/** Bytes read at once: more than a record can have, which is 46 + 3 × 65,535. */
const PIECE = 1 << 20;

/** Of a file name that is shown. */
const MOST_NAME = 4096;

const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const MEMBER = 0x02014b50;

const METHODS = { 1: "shrunk", 6: "imploded", 9: "deflate64", 12: "bzip2", 14: "lzma", 93: "zstd", 95: "xz", 98: "ppmd", 99: "aes" };

// 0x80 to 0xff of code page 437 (APPNOTE appendix D.1).
const UPPER_HALF =
  "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";

/**
 * What the central directory of `file` says. `problems` are what will be refused, with the codes of the service; `broken`
 * is why the directory cannot be read, if it cannot.
 */
export async function readDirectory(file) {
  const found = { members: [], count: 0, unpacked: 0, problems: [], broken: undefined };
  const problems = new Map();
  const problem = (code, text) => {
    const seen = problems.get(code);
    if (seen) seen.more++;
    else problems.set(code, { code, text, more: 0 });
  };
  try {
    const end = await findEnd(file);
    if (end.disks) problem("multi_disk", "the archive is split into several files");
    else await readMembers(file, end, found, problem);
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    found.broken = error.message;
  }
  found.problems = [...problems.values()];
  return found;
}

class Broken extends Error {}

async function view(file, start, end) {
  return new DataView(await file.slice(Math.max(0, start), end).arrayBuffer());
}

/** Where the central directory lies, by the end record and, where there is one, its zip64 form (APPNOTE §4.3.14 to 16). */
async function findEnd(file) {
  // Its comment can have 65,535 bytes; behind it zeros are let pass, and as many of them are looked through.
  const start = Math.max(0, file.size - (22 + 2 * 65535));
  const tail = await view(file, start, file.size);
  let at = tail.byteLength - 22;
  while (at >= 0 && !(tail.getUint32(at, true) === END && at + 22 + tail.getUint16(at + 20, true) <= tail.byteLength)) at--;
  if (at < 0) throw new Broken("the end of an archive is not found: this is no zip, or only a part of one");
  const end = {
    disks: tail.getUint16(at + 4, true) !== tail.getUint16(at + 6, true) || tail.getUint16(at + 8, true) !== tail.getUint16(at + 10, true),
    count: tail.getUint16(at + 10, true),
    length: tail.getUint32(at + 12, true),
    at: start + at,
  };
  if (at >= 20 && tail.getUint32(at - 20, true) === LOCATOR_64) {
    const record = await view(file, end.at - 20 - 56, end.at - 20);
    if (record.byteLength !== 56 || record.getUint32(0, true) !== END_64) {
      throw new Broken("the zip64 end record is not where it is said to be");
    }
    // A field of the old record that is full is told in the new one.
    if (end.count === 0xffff) end.count = long(record, 32);
    if (end.length === 0xffffffff) end.length = long(record, 40);
    end.disks = record.getUint32(16, true) !== record.getUint32(20, true);
    end.at -= 20 + 56;
  }
  // Not by the offset that is told: games write a header of their own before the archive.
  end.start = end.at - end.length;
  if (end.start < 0) throw new Broken(`the central directory has ${end.length} bytes, before it are ${end.at}`);
  return end;
}

/** A number of 64 bits. Above 2^53 no file is meant. */
function long(data, at) {
  const number = Number(data.getBigUint64(at, true));
  if (!Number.isSafeInteger(number)) throw new Broken("the directory has numbers that no file can have");
  return number;
}

async function readMembers(file, end, found, problem) {
  if (end.length > MOST_BYTES) throw new Broken(`the central directory has ${end.length} bytes, too many to be shown here`);
  let at = end.start;
  while (at < end.at) {
    const piece = await view(file, at, Math.min(end.at, at + PIECE));
    let next = 0;
    while (next + 46 <= piece.byteLength) {
      if (piece.getUint32(next, true) !== MEMBER) throw new Broken(`no member of the central directory is at offset ${at + next}`);
      const length = 46 + piece.getUint16(next + 28, true) + piece.getUint16(next + 30, true) + piece.getUint16(next + 32, true);
      if (next + length > piece.byteLength) break;
      count(readMember(piece, next), found, problem);
      next += length;
    }
    // A piece has room for the largest record, so only a directory that is cut gets nowhere.
    if (next === 0) throw new Broken("the central directory is cut");
    at += next;
  }
  if (found.count !== end.count) {
    throw new Broken(`the central directory has ${found.count} members, the end record says ${end.count}`);
  }
}

/** One record (APPNOTE §4.3.12), which is whole. */
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
  // What does not fit 32 bits is in the zip64 extra field, in this order (APPNOTE §4.5.3).
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
  if (flags & 0x2041 || method === 99) problem("encrypted", `${quoted} is encrypted`);
  else if (flags & 0x20) problem("unsupported_flag", `${quoted} is patch data`);
  else if (method !== 0 && method !== 8) {
    problem("unsupported_method", `${quoted} is compressed with method ${method} (${METHODS[method] ?? "unknown"}), only 0 (stored) and 8 (deflate) are supported`);
  }
  if (disk !== 0 && disk !== 0xffff) problem("multi_disk", "the archive is split into several files");
}

/** UTF-8, flagged or not, or code page 437, which every byte is in. */
function decode(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return Array.from(bytes, (byte) => (byte < 0x80 ? String.fromCharCode(byte) : UPPER_HALF[byte - 0x80])).join("");
  }
}
