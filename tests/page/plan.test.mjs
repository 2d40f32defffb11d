// Where a conversion runs, by the service's own tables: the edge only where it can, and the reason why not.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { EDGE_BYTES, choosePlace, cost } from "../../src/page/plan.js";
import * as words from "../../src/page/words.js";
import { request, startWorker } from "../worker/harness.mjs";

const { port } = await startWorker({ after });
const costs = JSON.parse((await request(port, { method: "GET", path: "/costs" })).body);
const MIB = 1 << 20;
const usual = { quality: 9, lgwin: 22 };
const contents = { count: 10, unpacked: 10 * MIB, packed: 3 * MIB, held: 0 };
const place = (options, file, found) => choosePlace(costs, { ...usual, ...options }, { size: 3 * MIB, ...file }, { ...contents, ...found });

test("what is small goes to the edge, and what is not has a reason", () => {
  const { limits } = costs;
  for (const [options, file, found, expected, edge, reason] of [
    [{}, {}, {}, "edge", true, /^Small enough/],
    [{}, { size: EDGE_BYTES }, {}, "edge", true, /^Small enough/],
    [{}, { size: EDGE_BYTES + 1 }, {}, "browser", false, /^Above 6 MiB/],
    [{ quality: 11, lgwin: 24 }, {}, {}, "browser", false, /memory than the edge has/],
    [{ lgwin: 14 }, {}, {}, "browser", false, /window below 32 KiB/],
    [{ lgwin: 15 }, {}, {}, "edge", true, /^Small enough/],
    [{ lgwin: 10 }, {}, { unpacked: EDGE_BYTES }, "edge", true, /^Small enough/],
    [{}, {}, { count: limits.entries }, "edge", true, /^Small enough/],
    [{}, {}, { count: limits.entries + 1 }, "browser", false, /131,072 members/],
    [{ quality: 0 }, { size: EDGE_BYTES }, { unpacked: limits.unpacked_bytes + 1 }, "browser", false, /unpacks 4,096 MiB at most/],
    [{ quality: 0 }, {}, { unpacked: limits.ratio * 3 * MIB + 1 }, "browser", false, /250 bytes at most for each byte/],
    [{}, { size: EDGE_BYTES }, { held: limits.held_bytes }, "edge", true, /^Small enough/],
    [{}, { size: EDGE_BYTES }, { held: limits.held_bytes + 1 }, "browser", false, /holds back 24 MiB at most/],
    [{ quality: 11, lgwin: 18 }, {}, { unpacked: 60 * MIB }, "browser", true, /s of CPU; the edge allows 25 s/],
  ]) {
    const chosen = place(options, file, found);
    assert.deepEqual([chosen.place, chosen.edge], [expected, edge], `${JSON.stringify([options, file, found])}: ${chosen.reason}`);
    assert.match(chosen.reason, reason);
  }
});

test("without the service's tables what is small is still converted here, and can be sent", () => {
  assert.deepEqual(choosePlace(undefined, usual, { size: 1000 }, contents).edge, true);
  assert.deepEqual(choosePlace(undefined, usual, { size: EDGE_BYTES + 1 }, contents).edge, false);
});

test("a higher quality is predicted to take longer, and memory is the encoder's", () => {
  const seconds = [2, 5, 9, 10, 11].map((quality) => cost(costs, { ...usual, quality }, contents).seconds);
  assert.deepEqual(seconds, seconds.toSorted((a, b) => a - b));
  assert.ok(cost(costs, usual).memory > 60 * MIB && cost(costs, usual).memory < 80 * MIB);
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

test("a result is called what the service calls it", async () => {
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
