// Where a conversion runs, by the service's own estimate: the edge only where it can, and the reason why not.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { EDGE_BYTES, choosePlace, fetchEstimate } from "../../src/page/plan.js";
import * as words from "../../src/page/format.js";
import { request, startWorker } from "../worker/harness.mjs";

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

test("small archives go to the edge, and others come with a reason", async () => {
  for (const [options, zipBytes, contents, expected, edge, reason] of [
    [{}, 3 * MIB, {}, "edge", true, /^Small enough/],
    [{}, EDGE_BYTES, {}, "edge", true, /^Small enough/],
    [{}, EDGE_BYTES + 1, {}, "browser", false, /^Above 6 MiB/],
    [{ quality: 11, lgwin: 24 }, 3 * MIB, {}, "browser", false, /memory than the edge has/],
    [{ lgwin: 14 }, 3 * MIB, {}, "browser", false, /window below 32 KiB/],
    [{ lgwin: 15 }, 3 * MIB, {}, "edge", true, /^Small enough/],
    [{ lgwin: 10 }, 3 * MIB, { unpacked: EDGE_BYTES }, "edge", true, /^Small enough/],
    [{}, 3 * MIB, { count: 131_072 }, "edge", true, /^Small enough/],
    [{}, 3 * MIB, { count: 131_073 }, "browser", false, /more members/],
    [{ quality: 0 }, EDGE_BYTES, { unpacked: 4096 * MIB + 1 }, "browser", false, /unpacks to more than the edge takes\./],
    [{ quality: 0 }, 3 * MIB, { unpacked: 251 * 3 * MIB }, "browser", false, /from a zip of its size/],
    [{ quality: 11, lgwin: 18 }, EDGE_BYTES, { unpacked: 60 * MIB }, "browser", true, /more computing/],
  ]) {
    const chosen = await place(options, zipBytes, contents);
    assert.deepEqual([chosen.place, chosen.edge], [expected, edge], `${JSON.stringify([options, zipBytes, contents])}: ${chosen.reason}`);
    assert.match(chosen.reason, reason);
  }
});

test("the page quotes an installation's own refusal", async () => {
  const { place: where, edge, reason } = await place({ quality: 12 });
  assert.deepEqual([where, edge], ["browser", false]);
  assert.match(reason, /^The edge refuses: quality is "12", it must be 0 to 11/);
});

test("without an answer of the service the browser is the place, and the edge can be tried", async (t) => {
  t.mock.method(globalThis, "fetch", () => Promise.reject(new TypeError("offline")));
  assert.deepEqual([(await place({})).place, (await place({})).edge], ["browser", true]);
  assert.equal((await place({}, EDGE_BYTES + 1)).edge, false);
});

test("without a choice the estimate is for the service's default", async () => {
  const { quality, lgwin, memory_bytes: memory } = await fetchEstimate({ size: 3 * MIB }, { unpacked: 10 * MIB, count: 3 });
  assert.deepEqual({ quality, lgwin }, usual);
  assert.ok(memory > 60 * MIB);
});

test("numbers are told in three digits and whole words", () => {
  const plain = (text) => text.replaceAll("\u00a0", " ");
  for (const [told, expected] of [
    [words.size(0), "0 bytes"],
    [words.size(1), "1 byte"],
    [words.size(999), "999 bytes"],
    [words.size(1000), "1.00 KB"],
    [words.size(999_499), "999 KB"],
    [words.size(999_500), "1.00 MB"],
    [words.size(7_362_225), "7.36 MB"],
    [words.size(5e15), "5000 TB"],
    [words.time(0.04), "0.0 s"],
    [words.time(9.96), "10 s"],
    [words.time(59.6), "1 min 0 s"],
    [words.about(0.09), "Less than 0.1 s"],
    [words.about(3), "About 3.0 s"],
    [words.power(10), "1 KiB"],
    [words.power(24), "16 MiB"],
    [words.change(100, 74), "26 % smaller"],
    [words.change(1000, 1012), "1.2 % larger"],
    [words.plural(1, "member"), "1 member"],
    [words.plural(1234, "member"), "1,234 members"],
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
    assert.equal(words.resultName(name), decodeURIComponent(told), JSON.stringify(name));
  }
});

test("a word of the command line stays one word", () => {
  assert.equal(words.quoted("it's; rm -rf $HOME"), `'it'\\''s; rm -rf $HOME'`);
});
