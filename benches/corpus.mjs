// The files that are converted: the same bytes on every machine that installs package-lock.json, each made once.
//
// | name | content |
// | --- | --- |
// | save | like a real save of EU4: one large text, two small (fixtures/save.mjs) |
// | hard | harder than a real save: names and numbers at random (fixtures/hard.mjs) |
// | source | JavaScript and TypeScript of the installed packages, a thousand files |
// | json | emoji with their names in many languages, maps: written for people and for machines |
// | binary | parts of two executables |
// | images | JPEG, PNG and WOFF2: compressed already |
// | many | 66,000 members of some hundred bytes |
// | one | the bytes of `source` as one member |
//
// A zip's name has a hash of its recipe, so a changed recipe makes it again.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { basename, extname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import { zipSync } from "fflate";
import { ZipFile } from "yazl";

import { save as hard } from "../fixtures/hard.mjs";
import { save } from "../fixtures/save.mjs";
import { root } from "../tests/worker/harness.mjs";
import { cache } from "./cache.mjs";
import { unpacked } from "./packages.mjs";

const MIB = 1 << 20;
const MANY = 66_000;
/** Local components, as a zip stores them: the same bytes in every time zone. */
const MTIME = new Date(2020, 1, 29);

const recipes = {
  save: (mib) => save({ mib }),
  hard: (mib) => hard({ mib }),
  source: (mib) => zipped(source(mib)),
  json: (mib) => zipped(json(mib)),
  binary: (mib) => zipped(binary(mib)),
  images: (mib) => zipped(images(mib)),
  many: () => zipped64(many()),
  one: (mib) => zipped([["source.txt", Buffer.concat(source(mib).map(([, bytes]) => bytes))]]),
};

export const names = Object.keys(recipes);

/** Files below `folder` with one of these extensions, in an order that no file system decides, up to `mib` MiB in all. */
function files(folder, extensions, mib) {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile() && extensions.includes(extname(file.name)))
    .map((file) => relative(folder, join(file.parentPath, file.name)))
    .sort();
  const members = [];
  let left = mib * MIB;
  for (const name of found) {
    if (left <= 0) break;
    const bytes = readFileSync(join(folder, name)).subarray(0, left);
    members.push([name, bytes]);
    left -= bytes.length;
  }
  return members;
}

// People do not write bundlers' large output or files for one platform.
const source = (mib) =>
  files(join(root, "node_modules"), [".js", ".mjs", ".cjs", ".ts", ".mts"], 1000)
    .filter(([name, bytes]) => bytes.length > 0 && bytes.length < 200_000 && !/linux|darwin|win32/.test(name))
    .reduce(upTo(mib), []);

const json = (mib) => [
  ...files(unpacked("world-atlas@2.0.2"), [".json"], mib / 2),
  ...files(unpacked("emojibase-data@17.0.0"), [".json"], mib / 2),
];

const binary = (mib) => [
  ["workerd", readFileSync(join(root, "node_modules/@cloudflare/workerd-linux-64/bin/workerd")).subarray(16 * MIB, (16 + (mib * 3) / 4) * MIB)],
  ["esbuild", readFileSync(join(root, "node_modules/@esbuild/linux-x64/bin/esbuild")).subarray(0, (mib / 4) * MIB)],
];

const images = (mib) => [
  ...files(unpacked("three-globe@2.45.2"), [".jpg", ".png"], (mib * 3) / 4),
  ...files(unpacked("@fontsource/inter@5.3.0"), [".woff2"], mib / 4),
];

/** Lines of the source: every member another length, none much like its neighbour. */
function many() {
  const text = Buffer.concat(source(10).map(([, bytes]) => bytes));
  return Array.from({ length: MANY }, (_, index) => {
    const at = (index * 4099) % (text.length - 400);
    return [`${index % 100}/${index}.txt`, text.subarray(at, at + 50 + (index % 211))];
  });
}

function upTo(mib) {
  let left = mib * MIB;
  return (members, [name, bytes]) => {
    if (left > 0) members.push([name, bytes.subarray(0, left)]);
    left -= bytes.length;
    return members;
  };
}

function zipped(members) {
  return Buffer.from(zipSync(Object.fromEntries(members), { mtime: MTIME }));
}

/** With zip64's end records, which more than 65,535 members need. */
async function zipped64(members) {
  const zip = new ZipFile();
  for (const [name, bytes] of members) zip.addBuffer(bytes, name, { mtime: MTIME, mode: 0o100644, forceDosTimestamp: true });
  zip.end();
  return Buffer.concat(await zip.outputStream.toArray());
}

/** A zip of the corpus, of about `mib` MiB unpacked, or another file: its path and its name. */
export async function corpus(name, mib) {
  if (!recipes[name]) return { name: basename(name), file: name };
  const models = readdirSync(join(root, "fixtures/saves")).sort().map((file) => `fixtures/saves/${file}`);
  const inputs = ["benches/corpus.mjs", "benches/packages.mjs", "fixtures/save.mjs", ...models, "fixtures/hard.mjs", "fixtures/records.mjs", "package-lock.json"];
  const hash = createHash("sha256").update(`${name} ${mib} ${process.versions.zlib}`);
  for (const input of inputs) hash.update(readFileSync(join(root, input)));
  const folder = join(cache, "corpus");
  const file = join(folder, `${name}-${hash.digest("hex").slice(0, 12)}.zip`);
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, await recipes[name](mib));
  }
  return { name, file };
}

// By itself, it makes the corpus and says where it lies.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const name of names) console.log((await corpus(name, name === "save" || name === "hard" ? 46 : 10)).file);
}
