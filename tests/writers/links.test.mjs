// Permissions and symbolic links: a tree that Info-ZIP packs, and that must come back as Info-ZIP unpacks it.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync } from "node:zlib";

const root = fileURLToPath(new URL("../../", import.meta.url));
const recompress = process.env.RECOMPRESS ?? join(root, "target/debug/recompress");
const scratch = mkdtempSync(join(tmpdir(), "recompress-links-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

function run(command, args, options = {}) {
  const { error, status, stdout, stderr } = spawnSync(command, args, { maxBuffer: 1 << 26, ...options });
  if (error) throw error;
  assert.equal(status, 0, `${command} ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** Every path below `folder`: its type and permissions, and a link's target or a file's contents. */
function listing(folder) {
  const paths = readdirSync(folder, { recursive: true }).sort();
  return paths.map((path) => {
    const place = join(folder, path);
    const stat = lstatSync(place);
    if (stat.isSymbolicLink()) return `${path} -> ${readlinkSync(place)}`;
    const mode = (stat.mode & 0o777).toString(8);
    return stat.isDirectory() ? `${path}/ ${mode}` : `${path} ${mode} ${readFileSync(place, "latin1")}`;
  });
}

function folder(name) {
  mkdirSync(join(scratch, name));
  return join(scratch, name);
}

const tree = folder("tree");
for (const path of ["bin", "lib", "lib/deep", "private"]) mkdirSync(join(tree, path));
for (const [path, mode] of [
  ["bin/tool", 0o755],
  ["lib/libx.so.1.2", 0o644],
  ["lib/deep/readonly", 0o444],
  ["private/key", 0o600],
]) {
  writeFileSync(join(tree, path), `contents of ${path}\n`);
  chmodSync(join(tree, path), mode);
}
chmodSync(join(tree, "private"), 0o700);
symlinkSync("libx.so.1.2", join(tree, "lib/libx.so"));
symlinkSync("../../bin/tool", join(tree, "lib/deep/up"));
symlinkSync("lib/deep", join(tree, "folder"));
symlinkSync("nowhere", join(tree, "dangling"));

const zip = join(scratch, "tree.zip");
run("zip", ["-qry", zip, "."], { cwd: tree });
test("the tarball's tree is that of unzip", () => {
  const unzipped = folder("unzipped");
  run("unzip", ["-q", zip, "-d", unzipped]);
  assert.deepEqual(listing(unzipped), listing(tree));
  const tarBr = run(recompress, ["--quality", "1", zip, "-c"]);
  const tar = brotliDecompressSync(tarBr);
  for (const [program, args] of Object.entries({ tar: ["-xp"], bsdtar: ["-xp", "-f", "-"] })) {
    const untarred = folder(program);
    run(program, args, { cwd: untarred, input: tar });
    assert.deepEqual(listing(untarred), listing(unzipped), program);
  }
  const extracted = folder("recompress");
  run(recompress, ["extract", "-", "-C", extracted], { input: tarBr });
  assert.deepEqual(listing(extracted), listing(unzipped), "recompress");
});

test("read front to back, a link is a file and permissions are the usual ones", () => {
  const tar = brotliDecompressSync(run(recompress, ["--quality", "1", "--streamed", zip, "-c"]));
  const untarred = folder("streamed");
  run("tar", ["-xp"], { cwd: untarred, input: tar });
  const paths = listing(untarred);
  assert(paths.includes("dangling 644 nowhere") && paths.includes("bin/tool 644 contents of bin/tool\n"), paths.join());
});

test("the listing has links", () => {
  const { members } = JSON.parse(run(recompress, ["inspect", "--json", zip]));
  const link = members.find(({ name }) => name === "lib/deep/up");
  assert.deepEqual([link.kind, link.target, link.size, link.mode], ["link", "../../bin/tool", 0, "0777"]);
});
