// Zips by other programs, converted, and compared member by member with an independent reader's listing.
//
// A missing program fails its test: a skipped test proves nothing.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync } from "node:zlib";

const root = fileURLToPath(new URL("../../", import.meta.url));
const recompress = process.env.RECOMPRESS ?? join(root, "target/debug/recompress");
const oracle = join(root, "tests/writers/oracle.py");
const environment = { ...process.env, LC_ALL: "C.UTF-8" };

const remedies = {
  zip: "install zip",
  bsdtar: "install libarchive-tools (elsewhere libarchive)",
  jar: "install default-jdk-headless (elsewhere openjdk)",
  python3: "install python3",
  [recompress]: "make test-build",
};

const text = Buffer.from(Array.from({ length: 40_000 }, (_, i) => `line ${i} of ${(i * 2654435761) >>> 20}\n`).join(""));

// Does not compress. Written by those that look at it as stored.
const noise = Buffer.alloc(300_000);
for (let i = 0, state = 1; i < noise.length; i++) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  noise[i] = state >>> 24;
}

const files = {
  "a.txt": Buffer.from("hello\n"),
  empty: Buffer.alloc(0),
  "text.txt": text,
  "dir/noise.bin": noise,
  "dir/with space/déjà vu 存档.txt": Buffer.from("names\n"),
  // An archive within the archive: its records are contents here.
  "dir/inner.zip": Buffer.from("PK\x03\x04 PK\x07\x08 PK\x01\x02 PK\x05\x06", "latin1"),
  [`deep/${"d".repeat(60)}/${"n".repeat(80)}.txt`]: Buffer.from("a name that needs a pax header\n"),
};

const scratch = mkdtempSync(join(tmpdir(), "recompress-writers-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

const tree = join(scratch, "tree");
mkdirSync(join(tree, "empty directory"), { recursive: true });
for (const [name, contents] of Object.entries(files)) {
  mkdirSync(join(tree, dirname(name)), { recursive: true });
  writeFileSync(join(tree, name), contents);
}

function run(command, args, options = {}) {
  const { error, status, signal, stdout, stderr } = spawnSync(command, args, {
    env: environment,
    maxBuffer: 1 << 28,
    timeout: 60_000,
    ...options,
  });
  if (error?.code === "ENOENT") throw new Error(`${command} is missing: ${remedies[command]}`);
  if (error) throw error;
  assert.equal(status, 0, `${command} ${args.join(" ")}: status ${status ?? signal}\n${stderr}`);
  return stdout;
}

/** The standard output of a command, which is a pipe. */
const piped = (command, args, options) => () => run(command, args, { cwd: tree, ...options });

/** The file that a command writes in place of `OUT`. */
const filed = (command, args) => () => {
  const out = join(scratch, "out.zip");
  rmSync(out, { force: true });
  run(command, args.map((arg) => (arg === "OUT" ? out : arg)), { cwd: tree });
  return readFileSync(out);
};

const python = (out, method) => [
  "-c",
  `import os, sys, zipfile
with zipfile.ZipFile(${out}, "w", zipfile.${method}) as archive:
    for folder, folders, files in sorted(os.walk(".")):
        for name in sorted(folders + files):
            archive.write(os.path.join(folder, name))`,
];

// The libraries, each by its own way of adding a file. Imported by the test that needs them.

async function clientZip() {
  const { makeZip } = await import("client-zip");
  const input = Object.entries(files).map(([name, contents]) => ({ name, input: contents, lastModified: new Date(0) }));
  return buffer(Readable.fromWeb(makeZip(input)));
}

const jszip = (options) => async () => {
  const { default: JSZip } = await import("jszip");
  const zip = new JSZip();
  for (const [name, contents] of Object.entries(files)) zip.file(name, contents);
  return zip.generateAsync({ type: "nodebuffer", ...options });
};

const fflateSync = (options) => async () => {
  const { zipSync } = await import("fflate");
  return Buffer.from(zipSync(files, options));
};

const fflateStream = (File) => async () => {
  const fflate = await import("fflate");
  const parts = [];
  const zip = new fflate.Zip((error, part) => {
    if (error) throw error;
    parts.push(part);
  });
  for (const [name, contents] of Object.entries(files)) {
    const file = new fflate[File](name);
    zip.add(file);
    const middle = contents.length >> 1;
    file.push(contents.subarray(0, middle));
    file.push(contents.subarray(middle), true);
  }
  zip.end();
  return Buffer.concat(parts);
};

const zipJs = (options) => async () => {
  const { configure, BlobReader, Uint8ArrayWriter, ZipWriter } = await import("@zip.js/zip.js");
  configure({ useWebWorkers: false });
  const writer = new ZipWriter(new Uint8ArrayWriter(), options);
  for (const [name, contents] of Object.entries(files)) await writer.add(name, new BlobReader(new Blob([contents])));
  return Buffer.from(await writer.close());
};

const archiver = (options) => async () => {
  const { ZipArchive } = await import("archiver");
  const archive = new ZipArchive(options);
  archive.directory(tree, false);
  const written = buffer(archive);
  await archive.finalize();
  return written;
};

const yazl = (add) => async () => {
  const { default: library } = await import("yazl");
  const zip = new library.ZipFile();
  for (const [name, contents] of Object.entries(files)) add(zip, name, contents);
  zip.end();
  return buffer(zip.outputStream);
};

const rows = {
  "Info-ZIP to a file": filed("zip", ["-qr", "OUT", "."]),
  "Info-ZIP to a file, stored": filed("zip", ["-0qr", "OUT", "."]),
  "Info-ZIP to a file, without directories": filed("zip", ["-Dqr", "OUT", "."]),
  "Info-ZIP to a file, zip64 by force": filed("zip", ["-fzqr", "OUT", "."]),
  "Info-ZIP to a pipe": piped("zip", ["-qr", "-", "."]),
  "Info-ZIP to a pipe, stored": piped("zip", ["-0qr", "-", "."]),
  "Info-ZIP from standard input to a pipe": piped("zip", ["-q", "-", "-"], { input: text }),
  "Info-ZIP from standard input to a file": () => {
    const out = join(scratch, "stdin.zip");
    run("zip", ["-q", out, "-"], { input: noise });
    return readFileSync(out);
  },
  "Python to a file": filed("python3", [...python("sys.argv[1]", "ZIP_DEFLATED"), "OUT"]),
  "Python to a file, stored": filed("python3", [...python("sys.argv[1]", "ZIP_STORED"), "OUT"]),
  "Python to a pipe": piped("python3", python("sys.stdout.buffer", "ZIP_DEFLATED")),
  "Python to a pipe, stored": piped("python3", python("sys.stdout.buffer", "ZIP_STORED")),
  "jar to a file": filed("jar", ["--create", "--file", "OUT", "-C", ".", "."]),
  "jar to a file, stored": filed("jar", ["--create", "--no-compress", "--file", "OUT", "-C", ".", "."]),
  "jar to a pipe": piped("jar", ["--create", "-C", ".", "."]),
  "bsdtar to a file": filed("bsdtar", ["--format", "zip", "-cf", "OUT", "."]),
  "bsdtar to a file, stored": filed("bsdtar", ["--format", "zip", "--options", "zip:compression=store", "-cf", "OUT", "."]),
  "bsdtar to a pipe": piped("bsdtar", ["--format", "zip", "-cf", "-", "."]),
  "bsdtar to a pipe, stored": piped("bsdtar", ["--format", "zip", "--options", "zip:compression=store", "-cf", "-", "."]),
  "client-zip": clientZip,
  JSZip: jszip({}),
  "JSZip, deflated": jszip({ compression: "DEFLATE" }),
  "JSZip, streamed": jszip({ streamFiles: true }),
  "JSZip, deflated and streamed": jszip({ compression: "DEFLATE", streamFiles: true }),
  "fflate at once": fflateSync({}),
  "fflate at once, stored": fflateSync({ level: 0 }),
  "fflate streamed": fflateStream("ZipDeflate"),
  "fflate streamed, stored": fflateStream("ZipPassThrough"),
  "zip.js": zipJs({}),
  "zip.js, stored": zipJs({ level: 0 }),
  "zip.js, zip64": zipJs({ zip64: true }),
  "zip.js, without data descriptors": zipJs({ dataDescriptor: false }),
  archiver: archiver({}),
  "archiver, stored": archiver({ store: true }),
  "yazl from buffers": yazl((zip, name, contents) => zip.addBuffer(contents, name)),
  "yazl from streams": yazl((zip, name, contents) => zip.addReadStream(Readable.from([contents]), name)),
  "yazl from streams, stored": yazl((zip, name, contents) =>
    zip.addReadStream(Readable.from([contents]), name, { compress: false }),
  ),
};

for (const [name, write] of Object.entries(rows)) {
  test(`${name}: the tarball has the members of the zip`, async () => {
    const input = join(scratch, "in.zip");
    const output = join(scratch, "out.tar");
    writeFileSync(input, await write());
    writeFileSync(output, brotliDecompressSync(run(recompress, ["--quality", "1", input, "-o", "-"])));
    const members = run("python3", [oracle, input, output]).toString().trim().split("\n");
    if (!name.includes("standard input")) {
      const found = members.filter((member) => !member.startsWith("directory ") && !member.includes("META-INF/"));
      assert.equal(found.length, Object.keys(files).length, "the writer wrote every file, and the oracle read it");
    }
  });
}
