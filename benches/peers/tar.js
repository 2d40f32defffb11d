// Tar headers and padding, as every peer here writes them (POSIX.1-2017, pax, "ustar Interchange Format").

const BLOCK = 512;
const encoder = new TextEncoder();

/** The header of a file, or of a directory where the name ends in a slash. */
export function header(name, size, mtime) {
  const block = new Uint8Array(BLOCK);
  const put = (text, at) => encoder.encodeInto(text, block.subarray(at));
  const octal = (number, digits) => `${Math.floor(number).toString(8).padStart(digits, "0")}\0`;
  const [prefix, rest] = split(name);
  put(rest, 0);
  put(name.endsWith("/") ? "0000755\0" : "0000644\0", 100);
  put(octal(0, 7) + octal(0, 7) + octal(size, 11) + octal(mtime.getTime() / 1000, 11), 108);
  put(`        ${name.endsWith("/") ? "5" : "0"}`, 148);
  put("ustar\u000000", 257);
  put(prefix, 345);
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += block[i];
  put(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

/** A name of more than 100 bytes has its first directories in another field. */
function split(name) {
  if (encoder.encode(name).length <= 100) return ["", name];
  const at = name.indexOf("/", name.length - 101);
  if (at < 0 || at > 155) throw new Error(`${name} is too long for ustar`);
  return [name.slice(0, at), name.slice(at + 1)];
}

/** The padding of a member's last block. */
export const padding = (size) => new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);

/** The end of a tarball. */
export const END = new Uint8Array(2 * BLOCK);

/** The time of a member, from the MS-DOS form of a local header. */
export function fromDos(date, time) {
  return new Date(Date.UTC((date >> 9) + 1980, ((date >> 5) & 15) - 1, date & 31, time >> 11, (time >> 5) & 63, (time & 31) * 2));
}
