// The place of a conversion by the service's own estimate, with the reason; numbers, names and texts of the page.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";

import * as format from "../../src/page/format.js";
import { SERVER_BYTES, choosePlace, fetchEstimate } from "../../src/page/plan.js";
import { texts } from "../../src/page/texts.js";
import { request, root, startWorker } from "../worker/harness.mjs";

const { port } = await startWorker({ after });
// As in the page, where addresses are relative to the service's.
const { fetch } = globalThis;
globalThis.fetch = (path) => fetch(`http://127.0.0.1:${port}${path}`);

const MIB = 1 << 20;
const usual = { quality: 9, lgwin: 22 };

async function place(options, zipBytes = 3 * MIB, contents) {
  const choice = { ...usual, ...options };
  const found = { count: 10, unpacked: 10 * MIB, ...contents };
  const file = { size: zipBytes };
  return choosePlace(await fetchEstimate(file, found, choice), choice, file, found);
}

test("small archives go to the server, and others come with a reason", async () => {
  for (const [options, zipBytes, contents, expected, server, reason] of [
    [{}, 3 * MIB, {}, "server", true, /^Small enough/],
    [{}, SERVER_BYTES, {}, "server", true, /^Small enough/],
    [{}, SERVER_BYTES + 1, {}, "browser", false, /^Zips above 6 MiB/],
    [{ quality: 11, lgwin: 24 }, 3 * MIB, {}, "browser", false, /memory than the server has/],
    [{ lgwin: 14 }, 3 * MIB, {}, "browser", false, /window below 32 KiB/],
    [{ lgwin: 15 }, 3 * MIB, {}, "server", true, /^Small enough/],
    [{ lgwin: 10 }, 3 * MIB, { unpacked: SERVER_BYTES }, "server", true, /^Small enough/],
    [{}, 3 * MIB, { count: 131_072 }, "server", true, /^Small enough/],
    [{}, 3 * MIB, { count: 131_073 }, "browser", false, /more members/],
    [{ quality: 0 }, SERVER_BYTES, { unpacked: 4096 * MIB + 1 }, "browser", false, /unpacks to more than the server takes\./],
    [{ quality: 0 }, 3 * MIB, { unpacked: 251 * 3 * MIB }, "browser", false, /from a zip of its size/],
    [{ quality: 11, lgwin: 18 }, SERVER_BYTES, { unpacked: 60 * MIB }, "browser", true, /more computing/],
    [{ quality: "auto", lgwin: "auto" }, SERVER_BYTES, { unpacked: 900 * MIB }, "server", true, /^Small enough/],
  ]) {
    const chosen = await place(options, zipBytes, contents);
    assert.deepEqual([chosen.place, chosen.server], [expected, server], `${JSON.stringify([options, zipBytes, contents])}: ${chosen.reason}`);
    assert.match(chosen.reason, reason);
  }
});

test("the page quotes an installation's own refusal", async () => {
  const { place: where, server, reason } = await place({ quality: 12 });
  assert.deepEqual([where, server], ["browser", false]);
  assert.match(reason, /^The server refuses: quality is "12", it must be 0 to 11/);
});

test("without an answer of the service the browser is the place, and the server can be tried", async (t) => {
  t.mock.method(globalThis, "fetch", () => Promise.reject(new TypeError("offline")));
  assert.deepEqual([(await place({})).place, (await place({})).server], ["browser", true]);
  assert.equal((await place({}, SERVER_BYTES + 1)).server, false);
});

test("without a choice the estimate is for the service's default", async () => {
  const { quality, lgwin, memory_bytes: memory } = await fetchEstimate({ size: 3 * MIB }, { unpacked: 10 * MIB, count: 3 });
  assert.deepEqual({ quality, lgwin }, usual);
  assert.ok(memory > 40 * MIB);
});

test("numbers are told in three digits and whole words", () => {
  const plain = (text) => text.replaceAll("\u00a0", " ");
  for (const [told, expected] of [
    [format.size(0), "0 bytes"],
    [format.size(1), "1 byte"],
    [format.size(999), "999 bytes"],
    [format.size(1000), "1.00 KB"],
    [format.size(999_499), "999 KB"],
    [format.size(999_500), "1.00 MB"],
    [format.size(7_362_225), "7.36 MB"],
    [format.size(5e15), "5000 TB"],
    [format.time(0.04), "0.0 s"],
    [format.time(9.96), "10 s"],
    [format.time(59.6), "1 min 0 s"],
    [format.about(0.09), "less than 0.1 s"],
    [format.about(3), "about 3.0 s"],
    [format.power(10), "1 KiB"],
    [format.power(24), "16 MiB"],
    [format.change(100, 74), "26 % smaller"],
    [format.change(1000, 1012), "1.2 % larger"],
    [format.gain(100, 74), "26 % smaller"],
    [format.gain(10_000, 9994), "0.1 % smaller"],
    [format.gain(10_000, 9996), "No gain: this zip is already compressed"],
    [format.gain(10_000, 10_003), "No gain: this zip is already compressed"],
    [format.plural(1, texts.nMembers), "1 member"],
    [format.plural(1234, texts.nMembers), "1,234 members"],
  ]) {
    assert.equal(plain(told), expected);
  }
});

test("a result has the name that the service gives it", async () => {
  const zip = Buffer.from("UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==", "base64"); // of no members
  for (const name of ["save.zip", "Save.ZIP", "save", "a.b.zip", ".zip", "..", "a\u202eb.zip", " a .zip", "it's.zip"]) {
    const { headers } = await request(port, { path: `/?name=${encodeURIComponent(name)}`, body: zip });
    const disposition = headers["content-disposition"];
    const told = disposition.match(/filename\*=UTF-8''(.*)$/)?.[1] ?? disposition.match(/filename="(.*)"/)[1];
    assert.equal(format.resultName(name), decodeURIComponent(told), JSON.stringify(name));
  }
});

test("a word of the command line stays one word", () => {
  assert.equal(format.quoted("it's; rm -rf $HOME"), `'it'\\''s; rm -rf $HOME'`);
});

test("the page's HTML has the texts of texts.js, so that one file is enough for another language", () => {
  const html = readFileSync(join(root, "src/page/index.html"), "utf8");
  const used = [...html.matchAll(/ data-text="(\w+)"[^>]*>([^<]*)</g)];
  assert.ok(used.length > 30, `${used.length} texts`);
  for (const [, key, text] of used) assert.equal(text, texts[key], key);
});
