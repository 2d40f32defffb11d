// The browser package: a stream that gives the command line's bytes for every way to cut its input, and its errors.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { zipSync } from "fflate";

import { converted, noise, recompress as program, root, run } from "../worker/harness.mjs";

const folder = join(root, "build/browser");
const { RecompressError, init, recompress } = await import(join(folder, "recompress.js"));
await init(readFileSync(join(folder, "core_bg.wasm")));

const text = Buffer.from(Array.from(noise(900_000), (byte) => `word_${byte % 50} `).join(""));
const zip = Buffer.from(zipSync({ "text.txt": text, "noise.bin": noise(700_000) }));

const large = Buffer.from(zipSync({ "text.txt": text, "noise.bin": noise(5 << 20) }));

function* cut(bytes, length) {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function convert(pieces, options) {
  const conversion = recompress(options);
  const parts = await Array.fromAsync(ReadableStream.from(pieces).pipeThrough(conversion));
  return { bytes: Buffer.concat(parts), ...(await conversion.summary) };
}

test("its bytes are the command line's, for every way to cut the zip and kind of chunk", async () => {
  const expected = converted(zip, "--quality", 5);
  for (const pieces of [[zip], [...cut(zip, 1000)], [...cut(zip, 100_001)], [new Uint8Array(0), zip, new Uint8Array(0)], [new Uint8Array(zip).buffer], [new DataView(zip.buffer, zip.byteOffset, zip.length)]]) {
    const { bytes, ...summary } = await convert(pieces, { quality: 5 });
    assert.ok(bytes.equals(expected));
    assert.deepEqual(summary, { quality: 5, lgwin: 22, sha256: createHash("sha256").update(expected).digest("hex"), directory: "first" });
  }
});

test("a Blob is read as the command line reads a file, and its part done is exact", async (t) => {
  const room = mkdtempSync(join(tmpdir(), "recompress-directory-"));
  t.after(() => rmSync(room, { recursive: true }));
  const path = join(room, "tool.zip");
  writeFileSync(join(room, "tool"), "#!/bin/sh\n", { mode: 0o755 });
  writeFileSync(join(room, "noise"), noise(5 << 20));
  symlinkSync("tool", join(room, "link"));
  assert.equal(spawnSync("zip", ["-qy0", path, "tool", "link", "noise"], { cwd: room }).status, 0);
  const file = new Blob([readFileSync(path)]);
  assert.ok(file.size > 4 << 20);
  for (const [options, flags, directory] of [
    [{ file }, [], "first"],
    [{ file, directory: "first" }, [], "first"],
    [{ file, directory: "last" }, ["--streamed"], "last"],
    [{}, ["--streamed"], "last"],
  ]) {
    const conversion = recompress({ quality: 1, ...options });
    const parts = [];
    for await (const piece of file.stream().pipeThrough(conversion)) {
      parts.push(piece);
      const part = conversion.part();
      assert.ok(directory === "last" ? part === undefined : part > 0 && part <= 1, `${part}`);
    }
    assert.equal((await conversion.summary).directory, directory);
    assert.ok(Buffer.concat(parts).equals(run(program, ["--quality", "1", ...flags, path, "-c"])), JSON.stringify(flags));
  }
});

test("its defaults and its automatic quality are the command line's", async () => {
  assert.ok((await convert([zip])).bytes.equals(converted(zip)));
  const small = Buffer.from(zipSync({ "a.txt": text.subarray(0, 100_000) }));
  const auto = await convert([small], { quality: "auto", lgwin: 18, size: small.length });
  assert.equal(auto.quality, 11);
  assert.ok(auto.bytes.equals(converted(small, "--quality", 11, "--lgwin", 18)));
});

test("more memory than a Worker has is there", async () => {
  const large = zipSync({ "text.txt": text.subarray(0, 1_200_000) });
  const { bytes, lgwin } = await convert([large], { quality: 11, lgwin: 24 });
  assert.equal(lgwin, 24);
  assert.ok(bytes.equals(converted(large, "--quality", 11, "--lgwin", 24)));
});

test("its selection of members is the command line's", async () => {
  for (const [options, flags] of [
    [{ include: ["text.*"] }, ["--include", "text.*"]],
    [{ exclude: ["text.txt"] }, ["--exclude", "text.txt"]],
  ]) {
    assert.ok((await convert([zip], { quality: 3, ...options })).bytes.equals(converted(zip, "--quality", 3, ...flags)));
  }
  await assert.rejects(convert([zip], { include: ["nothing.like.it"] }), ({ code }) => code === "nothing_selected");
  await assert.rejects(convert([zip], { include: ["a["] }), ({ code }) => code === "bad_option");
});

test("a refusal has the code and the words of the service, and the stream and its summary fail with it", async () => {
  for (const [pieces, options, code, message] of [
    [[Buffer.from("no zip at all")], {}, "not_zip", /^not a zip: it starts with/],
    [[zip.subarray(0, zip.length - 1)], {}, "truncated", /^the zip is cut: it ends after \d+ bytes, inside /],
    [[], {}, "not_zip", /^not a zip: it is empty/],
    [[zip], { quality: 12 }, "bad_option", /^quality is 12, it must be 0 to 11$/],
    [[zip], { lgwin: 9 }, "bad_option", /^lgwin is 9, it must be 10 to 24$/],
    [[zip], { quality: 256 + 9 }, "bad_option", /^quality is 255, /],
    [[zip], { quality: 9.5 }, "bad_option", /^quality is 255, /],
    [[zip], { directory: "front" }, "bad_option", /^directory is "front", it must be auto, first or last$/],
    [[large], { directory: "first" }, "directory_not_at_hand", /^the directory can be read first only of a file/],
  ]) {
    const conversion = recompress(options);
    const failed = (error) => error instanceof RecompressError && error.code === code && message.test(error.message);
    await assert.rejects(Array.fromAsync(ReadableStream.from(pieces).pipeThrough(conversion)), failed, code);
    await assert.rejects(conversion.summary, failed, code);
  }
  await assert.rejects(convert(["text"]), TypeError);
});

test("nothing is taken that is not asked for", async () => {
  let taken = 0;
  const endless = async function* () {
    for (const piece of cut(zip, 10_000)) {
      taken++;
      yield piece;
    }
  };
  const reader = ReadableStream.from(endless()).pipeThrough(recompress({ quality: 2, directory: "last" })).getReader();
  await reader.read();
  const before = taken;
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(taken - before <= 2 && taken < 100, `${before}, then ${taken}`);
  await reader.cancel();
});

test("conversions beside each other do not mix, and one that is cancelled does not disturb", async () => {
  const others = [1, 2, 3].map((quality) => convert([...cut(zip, 50_000)], { quality }));
  const cancelled = ReadableStream.from(cut(zip, 50_000)).pipeThrough(recompress()).getReader();
  await cancelled.read();
  await cancelled.cancel();
  for (const [i, other] of (await Promise.all(others)).entries()) assert.ok(other.bytes.equals(converted(zip, "--quality", i + 1)));
});

test("its types take what it takes, and refuse the rest", (t) => {
  const room = mkdtempSync(join(tmpdir(), "recompress-types-"));
  t.after(() => rmSync(room, { recursive: true }));
  writeFileSync(
    join(room, "page.ts"),
    `import { RecompressError, init, json, metadata, open, recompress, type Metadata } from "${folder}/recompress.js";
export async function page(file: File, stream: ReadableStream<Uint8Array>, sink: WritableStream<Uint8Array>): Promise<void> {
  await init();
  const conversion = recompress({ quality: "auto", file, directory: "auto", include: ["*.txt"] });
  const part: number | undefined = conversion.part();
  await file.stream().pipeThrough(conversion).pipeTo(sink);
  const digest: string = (await conversion.summary).sha256;
  const found: Metadata | null = await metadata(file, { tokens: new Blob([]) });
  const mods: string[] = found?.mods ?? [digest];
  const whole = json(file, { select: ["/date"], keys: "pairs", narrow: "none", encoding: "utf-8", unknown: "refuse" });
  await whole.complete.catch((error: unknown) => (error instanceof RecompressError ? error.code : mods));
  await json(stream, { select: "/date", lines: "/", tokens: "0x1234 name", member: "meta", name: "save.eu4" }).pipeTo(sink);
  const archive = await open(new URL("https://example.com/a.tar.br"), { trusted: true, signal: AbortSignal.timeout(1), fetch: (url, init) => fetch(url, init) });
  const [{ name, target = "", size }] = archive.members;
  await archive.read(name + target, { signal: AbortSignal.timeout(size) }).pipeTo(sink);
  const { sha256 = "" }: { sha256?: string } = await (await open(file)).test();
  mods.push(sha256);
  // @ts-expect-error
  archive.members.push(archive.members[0]);
  // @ts-expect-error
  json(file, { keys: "other" });
  // @ts-expect-error
  json(file, { quality: 9 });
  // @ts-expect-error
  metadata(stream);
}
`,
  );
  const options = ["--strict", "--noEmit", "--target", "es2024", "--lib", "es2024,dom", "--module", "nodenext", "--moduleResolution", "nodenext"];
  const { status, stdout } = spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), ...options, join(room, "page.ts")], { encoding: "utf8" });
  assert.equal(status, 0, stdout);
});
