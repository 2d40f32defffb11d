// Numbers and names as people read them.

const UNITS = ["bytes", "KB", "MB", "GB", "TB"];

/** `7.36 MB`: powers of 1000, three digits. */
export function size(bytes) {
  let unit = 0;
  let number = bytes;
  while (number >= 999.5 && unit < UNITS.length - 1) {
    number /= 1000;
    unit++;
  }
  if (unit === 0) return bytes === 1 ? "1 byte" : `${bytes} bytes`;
  return `${number.toFixed(number < 9.995 ? 2 : number < 99.95 ? 1 : 0)} ${UNITS[unit]}`;
}

/** `3 members`, with thousands apart. */
export function plural(count, one) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : `${one}s`}`;
}

/** `0.8 s`, `12 s`, `3 min 5 s`. */
export function time(seconds) {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** How much smaller `after` is than `before`, or larger. */
export function change(before, after) {
  const percent = ((after - before) / before) * 100;
  return `${Math.abs(percent).toFixed(Math.abs(percent) < 9.95 ? 1 : 0)} % ${percent > 0 ? "larger" : "smaller"}`;
}

/** What the result of converting a zip of this name is called, as the service names it. */
export function resultName(name) {
  const stem = name.replace(/[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu, "").trim().replace(/\s*\.zip$/i, "");
  return `${/^\.*$/.test(stem) ? "archive" : stem}.tar.br`;
}

/** `text` as one word of a POSIX shell. */
export function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
