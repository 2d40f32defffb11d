// Numbers and names for people.

import { texts } from "./texts.js";

/** A space that keeps a number and its unit on one line. */
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
  if (unit === 0) return texts.bytes(bytes);
  return `${number.toFixed(number < 9.995 ? 2 : number < 99.95 ? 1 : 0)}${NBSP}${UNITS[unit]}`;
}

/** `1,234 members`; `text` is one of the texts that count. */
export function plural(count, text) {
  return text(count, count.toLocaleString("en"));
}

/** `0.8 s`, `12 s`, `3 min 5 s`. */
export function time(seconds) {
  if (seconds < 9.95) return texts.seconds(seconds.toFixed(1));
  const whole = Math.round(seconds);
  return whole < 60 ? texts.seconds(whole) : texts.minutes(Math.floor(whole / 60), whole % 60);
}

/** An estimated time. */
export function about(seconds) {
  return seconds < 0.1 ? texts.lessThan(texts.seconds("0.1")) : texts.about(time(seconds));
}

/** `4 MiB`: two to the power of `exponent`, which is 10 to 29, in bytes. */
export function power(exponent) {
  return exponent < 20 ? `${2 ** (exponent - 10)}${NBSP}KiB` : `${2 ** (exponent - 20)}${NBSP}MiB`;
}

/** By how much `after` is smaller than `before`, or larger. */
export function change(before, after) {
  const percent = ((after - before) / before) * 100;
  const number = Math.abs(percent).toFixed(Math.abs(percent) < 9.95 ? 1 : 0);
  return percent > 0 ? texts.larger(number) : texts.smaller(number);
}

/** The same for a finished result: a result that is not visibly smaller is no gain. */
export function gain(before, after) {
  return before - after < before / 2000 ? texts.noGain : change(before, after);
}

/** The name of the result for a zip of this name, as the service gives it. */
export function resultName(name, extension = "tar.br") {
  const stem = name.replace(/[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu, "").trim().replace(/\s*\.zip$/i, "");
  return `${/^\.*$/.test(stem) ? "archive" : stem}.${extension}`;
}

/** `text` as one word of a POSIX shell. */
export function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Names come from strangers: characters that are invisible or reverse the text are shown as escapes. */
export function printable(name) {
  return name.replace(/[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, (c) => `\\u${c.codePointAt(0).toString(16).padStart(4, "0")}`);
}
