// Numbers and names as people read them.

/** Between a number and its unit, which belong on one line. */
const NBSP = "\u00a0";

const UNITS = ["bytes", "KB", "MB", "GB", "TB"];

/** `7.36 MB`: powers of 1000, three digits. */
export function size(bytes) {
  let unit = 0;
  let number = bytes;
  while (number >= 999.5 && unit < UNITS.length - 1) {
    number /= 1000;
    unit++;
  }
  if (unit === 0) return bytes === 1 ? `1${NBSP}byte` : `${bytes}${NBSP}bytes`;
  return `${number.toFixed(number < 9.995 ? 2 : number < 99.95 ? 1 : 0)}${NBSP}${UNITS[unit]}`;
}

/** `3 members`, with thousands apart. */
export function plural(count, one) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : `${one}s`}`;
}

/** `0.8 s`, `12 s`, `3 min 5 s`. */
export function time(seconds) {
  if (seconds < 9.95) return `${seconds.toFixed(1)}${NBSP}s`;
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole}${NBSP}s` : `${Math.floor(whole / 60)}${NBSP}min ${whole % 60}${NBSP}s`;
}

/** A time that is predicted. */
export function about(seconds) {
  return seconds < 0.1 ? "Less than 0.1 s" : `About ${time(seconds)}`;
}

/** `4 MiB`: two to the power of `exponent`, which is 10 to 29, in bytes. */
export function power(exponent) {
  return exponent < 20 ? `${2 ** (exponent - 10)}${NBSP}KiB` : `${2 ** (exponent - 20)}${NBSP}MiB`;
}

/** How much smaller `after` is than `before`, or larger. */
export function change(before, after) {
  const percent = ((after - before) / before) * 100;
  return `${Math.abs(percent).toFixed(Math.abs(percent) < 9.95 ? 1 : 0)}${NBSP}% ${percent > 0 ? "larger" : "smaller"}`;
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
