// The preview of a zip: its findings in good archives, and its refusal of all other bytes.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { zipSync } from "fflate";

import { LISTED, readDirectory, startProblem } from "../../src/page/directory.js";
import { noise, recompress } from "../worker/harness.mjs";

const read = (...parts) => readDirectory(new Blob(parts));
const zip = Buffer.from(zipSync({ "a.txt": Buffer.from("contents"), "d/é.bin": noise(5000) }, { level: 0 }));
const central = zip.indexOf("PK\x01\x02", "latin1");

/** A copy with some bytes changed: `[offset, ...bytes]` for each. */
function changed(bytes, ...edits) {
  const copy = Buffer.from(bytes);
  for (const [at, ...values] of edits) copy.set(values, at);
  return copy;
}

/** A zip64 archive of one member: only the 64-bit fields have its sizes and the directory's offset. */
function zip64(size) {
  const name = Buffer.from("huge");
  const extra = Buffer.alloc(20);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(16, 2);
  extra.writeBigUInt64LE(size, 4);
  extra.writeBigUInt64LE(1000n, 12);
  const member = Buffer.alloc(46);
  member.writeUInt32LE(0x02014b50, 0);
  member.writeUInt16LE(8, 10);
  member.fill(0xff, 20, 28);
  member.writeUInt16LE(name.length, 28);
  member.writeUInt16LE(extra.length, 30);
  const directory = Buffer.concat([member, name, extra]);
  const end64 = Buffer.alloc(56);
  end64.writeUInt32LE(0x06064b50, 0);
  end64.writeBigUInt64LE(44n, 4);
  end64.writeBigUInt64LE(1n, 24);
  end64.writeBigUInt64LE(1n, 32);
  end64.writeBigUInt64LE(BigInt(directory.length), 40);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  const end = Buffer.alloc(22, 0xff);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt32LE(0, 4);
  end.writeUInt16LE(0, 20);
  return Buffer.concat([directory, end64, locator, end]);
}

test("members are listed with their sizes, and counted", async () => {
  const { members, count, unpacked, problems, broken } = await read(zip);
  assert.deepEqual(members, [
    { name: "a.txt", size: 8, packed: 8 },
    { name: "d/é.bin", size: 5000, packed: 5000 },
  ]);
  assert.deepEqual({ count, unpacked, problems, broken }, { count: 2, unpacked: 5008, problems: [], broken: undefined });
});

test("data before an archive, zeros after it and a comment do not hide it", async () => {
  const comment = Buffer.from("a comment");
  const commented = changed(zip, [zip.length - 2, comment.length]);
  for (const parts of [["SAV0123456789", zip], [zip, Buffer.alloc(60_000)], [commented, comment], ["SAV0", Buffer.alloc(3_000_000), zip]]) {
    const { count, broken } = await read(...parts);
    assert.deepEqual({ count, broken }, { count: 2, broken: undefined });
  }
});

test("names that are not UTF-8 are code page 437", async () => {
  const at = zip.indexOf("a.txt", central);
  assert.equal((await read(changed(zip, [at, 0x82, 0xff]))).members[0].name, "é\u00a0txt");
});

test("zip64 is read, and numbers that no file can have are refused", async () => {
  const { members, unpacked } = await read("PK\x03\x04", zip64(5_000_000_000n));
  assert.deepEqual(members, [{ name: "huge", size: 5_000_000_000, packed: 1000 }]);
  assert.equal(unpacked, 5_000_000_000);
  assert.match((await read("PK\x03\x04", zip64(1n << 60n))).broken, /impossible numbers/);
});

test("the preview announces a refusal in the words of the refusal", async () => {
  for (const edits of [
    [[6, 1], [central + 8, 1]],
    [[6, 0x20], [central + 8, 0x20]],
    [[8, 98], [central + 10, 98]],
    [[8, 99], [central + 10, 99]],
  ]) {
    const bytes = changed(zip, ...edits);
    const { status, stderr } = spawnSync(recompress, ["-", "-o", "-"], { input: bytes });
    assert.equal(status, 1);
    const { problems } = await read(bytes);
    assert.equal(problems.length, 1);
    const [{ code, text }] = problems;
    const said = stderr.toString();
    assert.ok(said.startsWith(`recompress: ${code}: ${code === "unsupported_flag" ? '"a.txt" is patch data' : text.split(" (")[0]}`), said);
  }
  assert.equal((await read(changed(zip, [zip.length - 18, 1]))).problems[0].code, "multi_disk");
});

test("a file that does not start like a zip is named for its kind, and the converter refuses it too", async () => {
  const tar = Buffer.alloc(512);
  tar.write("ustar", 257);
  for (const [start, expected] of [
    ["MZ\x90\x00", "it is a Windows program, not a zip"],
    ["7z\xbc\xaf\x27\x1c", "it is a 7z archive, not a zip"],
    ["Rar!\x1a\x07\x01\x00", "it is a RAR archive, not a zip"],
    ["\x1f\x8b\x08\x00", "it is a gzip file, not a zip"],
    ["<!DOCTYPE html>", "it is a web page, not a zip"],
    [tar.toString("latin1"), "it is a tar archive, not a zip"],
    ["some text", "it does not start like a zip"],
    ["", "the file is empty"],
  ]) {
    const bytes = Buffer.from(start, "latin1");
    assert.equal(await startProblem(new Blob([bytes])), expected);
    assert.equal((await read(bytes, zip)).isCertain, start !== "");
    assert.equal(spawnSync(recompress, ["-", "-o", "-"], { input: start === "" ? bytes : Buffer.concat([bytes, zip]) }).status, 1, expected);
  }
  for (const start of ["PK\x03\x04", "PK\x05\x06", "PK\x06\x06", "PK\x07\x08PK\x03\x04", "PK00PK\x03\x04", "SAV0102"]) {
    assert.equal(await startProblem(new Blob([start])), undefined);
  }
});

test("a long directory is read in pieces, counted whole and listed in part", async () => {
  const members = {};
  for (let i = 0; i < LISTED + 20_000; i++) members[`folder/of/many/members/${i}`] = new Uint8Array(i % 3);
  const found = await read(zipSync(members, { level: 0 }));
  assert.equal(found.broken, undefined);
  assert.equal(found.count, LISTED + 20_000);
  assert.equal(found.members.length, LISTED);
  assert.equal(found.members.at(-1).name, `folder/of/many/members/${LISTED - 1}`);
});

test("every cut archive is called broken, and nothing is thrown", async () => {
  for (let length = 0; length < zip.length; length++) {
    const { broken } = await read(zip.subarray(0, length));
    assert.equal(typeof broken, "string", `${length} bytes`);
  }
});

test("no changed byte of the records does more than change the preview", async () => {
  for (let at = central; at < zip.length; at++) {
    for (const value of [0, 1, 0x7f, 0xff, zip[at] ^ 0x80]) {
      const found = await read(changed(zip, [at, value]));
      assert.ok(found.members.length <= 2 && found.count <= 2);
    }
  }
});

test("an archive by Info-ZIP with a data descriptor is read", () => {
  const folder = mkdtempSync(join(tmpdir(), "recompress-directory-"));
  try {
    const { stdout, status } = spawnSync("zip", ["-q", "-", "-"], { input: "from a pipe", cwd: folder });
    assert.equal(status, 0);
    return read(stdout).then(({ count, unpacked }) => assert.deepEqual({ count, unpacked }, { count: 1, unpacked: 11 }));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
