// Attacks by symbolic links: whatever the converter accepts stays in the folder that GNU tar, bsdtar and `recompress extract` unpack
// it to, with the directory read first and last. Archives are random, from the names and targets that attacks are made of.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync, crc32 } from "node:zlib";

import { directoryHeader, endRecord, localHeader } from "../../fixtures/records.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const recompress = process.env.RECOMPRESS ?? join(root, "target/debug/recompress");
const scratch = mkdtempSync(join(tmpdir(), "recompress-attacks-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

/** Random archives, from this seed on. */
const ARCHIVES = 40;
const SEED = 31;

/** A zip of members `[name, contents]`, or `[name, target, true]` for a link. */
function zip(members) {
  const [parts, directory] = [[], []];
  let offset = 0;
  for (const [name, text, isLink] of members) {
    const contents = Buffer.from(text);
    const member = { name, method: 0, crc: crc32(contents), compressedSize: contents.length, size: contents.length, offset };
    const record = directoryHeader(member);
    record.writeUInt8(3, 5);
    record.writeUInt32LE(((isLink ? 0o120777 : 0o100644) << 16) >>> 0, 38);
    directory.push(record);
    parts.push(localHeader(member), contents);
    offset += 30 + name.length + contents.length;
  }
  const directorySize = directory.reduce((sum, { length }) => sum + length, 0);
  return Buffer.concat([...parts, ...directory, endRecord({ entries: members.length, directorySize, offset })]);
}

function* random(seed) {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state >>> 8;
  }
}

const numbers = random(SEED);
const pick = (choices) => choices[numbers.next().value % choices.length];
const NAMES = ["l", "L", "d/l", "d/e/l", "y", "d/y", "l/x", "l/canary", "d/l/canary", "canary", "y/canary", "d/e/canary"];
const TARGETS = [".", "..", "../..", "../../..", "l", "L", "d", "d/..", "l/..", "../l", "../outside", "./../outside", "d/../../outside", "l/../outside", "y/../..", "/tmp", "a", "d/l", "../d/l/.."];

function randomMembers() {
  const members = Array.from({ length: 2 + (numbers.next().value % 4) }, () => [pick(NAMES), pick(["evil", pick(TARGETS)]), pick([true, false])]);
  return members.map(([name, text, isLink]) => (isLink ? [name, text === "evil" ? pick(TARGETS) : text, true] : [name, "evil"]));
}

/** The files of `folder`; links are not followed. */
const paths = (folder) => readdirSync(folder, { recursive: true }).sort();

/** Unpacks `tarBr` with each program, in a folder of a jail, and shows what changed outside that folder. */
function escapes(tarBr) {
  const tar = brotliDecompressSync(tarBr);
  const found = [];
  for (const [program, command] of Object.entries({
    tar: (folder) => spawnSync("tar", ["-xf", "-"], { cwd: folder, input: tar }),
    bsdtar: (folder) => spawnSync("bsdtar", ["-xf", "-"], { cwd: folder, input: tar }),
    "bsdtar -P": (folder) => spawnSync("bsdtar", ["-xPf", "-"], { cwd: folder, input: tar }),
    recompress: (folder) => spawnSync(recompress, ["extract", "-", "-C", folder], { input: tarBr }),
  })) {
    const jail = join(scratch, "jail");
    const folder = join(jail, "middle/inner");
    mkdirSync(folder, { recursive: true });
    mkdirSync(join(jail, "outside"));
    writeFileSync(join(jail, "outside/canary"), "good");
    writeFileSync(join(jail, "canary"), "good");
    const { error } = command(folder);
    if (error) throw error;
    rmSync(folder, { recursive: true, force: true });
    const rest = paths(jail);
    if (rest.join() !== "canary,middle,outside,outside/canary") found.push(`${program}: ${rest}`);
    else if ([join(jail, "canary"), join(jail, "outside/canary")].some((path) => readFileSync(path, "latin1") !== "good")) found.push(`${program}: a canary`);
    rmSync(jail, { recursive: true });
  }
  return found;
}

function convert(members, ...options) {
  const { status, stdout, stderr } = spawnSync(recompress, ["--quality", "1", ...options, "-", "-o", "-"], { input: zip(members) });
  return status === 0 ? { tarBr: stdout } : { code: String(stderr).split(": ")[1] };
}

test("known attacks are refused, and the check would see one that is not", () => {
  for (const members of [
    [["l", "..", true], ["l/canary", "evil"]],
    [["l", "../outside", true], ["l/canary", "evil"]],
    [["l", "/tmp", true]],
    [["l", ".", true], ["y", "l/..", true], ["y/canary", "evil"]],
    [["l", ".", true], ["l/y", "..", true]],
    [["d/l", "../..", true]],
    [["L", "d", true], ["l/../canary", "evil"]],
    [["a", "d/../../outside", true]],
    // The forms that the tests of rubyzip and other unpackers have: by name, by a link in the place of a file or a folder, by two links.
    [["/tmp/moo", "evil"]],
    [["//tmp/moo", "evil"]],
    [["../moo", "evil"]],
    [["tmp/../../moo", "evil"]],
    [["moo", "/tmp/moo", true], ["moo", "evil"]],
    [["moo", "../canary", true], ["moo", "evil"]],
    [["tmp", "/tmp", true], ["tmp/moo", "evil"]],
    [["cur", ".", true], ["par", "cur/..", true], ["par/moo", "evil"]],
    [["cur", ".", true], ["cur/par", "..", true], ["par/moo", "evil"]],
    [["cur", ".", true], ["par", "cur/../canary", true], ["par", "evil"]],
  ]) {
    const { code } = convert(members);
    assert.ok(["unsafe_link", "unsafe_name", "name_conflict", "duplicate_name"].includes(code), `${JSON.stringify(members)}: ${code}`);
    // Front to back a link is a file with its target in it.
    const { tarBr } = convert(members, "--streamed");
    if (tarBr) assert.deepEqual(escapes(tarBr), [], JSON.stringify(members));
  }
  // What a careless converter would write: bsdtar without its safeguards follows the link.
  const careless = join(scratch, "careless");
  mkdirSync(careless);
  spawnSync("ln", ["-s", "../../outside", join(careless, "l")]);
  const archive = spawnSync("tar", ["-cf", "-", "l"], { cwd: careless }).stdout;
  rmSync(join(careless, "l"));
  mkdirSync(join(careless, "l"));
  writeFileSync(join(careless, "l/canary"), "evil");
  const second = spawnSync("tar", ["-cf", "-", "l/canary"], { cwd: careless }).stdout;
  const tar = Buffer.concat([archive.subarray(0, 512), second]);
  const compressed = spawnSync("brotli", ["-c"], { input: tar });
  assert.equal(compressed.status, 0);
  assert.ok(escapes(compressed.stdout).some((found) => found.startsWith("bsdtar -P")), "nothing was seen");
});

test(`${ARCHIVES} random archives of links are refused, or leave nothing outside`, () => {
  let accepted = 0;
  for (let i = 0; i < ARCHIVES; i++) {
    const members = randomMembers();
    for (const options of [[], ["--streamed"]]) {
      const { tarBr, code } = convert(members, ...options);
      if (code) {
        assert.ok(["unsafe_link", "unsafe_name", "duplicate_name", "name_conflict"].includes(code), `${JSON.stringify(members)}: ${code}`);
        continue;
      }
      accepted++;
      assert.deepEqual(escapes(tarBr), [], JSON.stringify(members));
    }
  }
  assert.ok(accepted > ARCHIVES / 4, `only ${accepted} were accepted`);
});
