// Converts a zip on disk by a recompress service, as streams:
//
//     node convert.mjs http://localhost:8787 save.zip save.tar.br
//
// The result has its name only when it is whole. A refusal or a broken transfer leaves no file.

import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

export async function convert(service, zip, result, options = {}) {
  const url = new URL("/", service);
  for (const [name, value] of Object.entries(options)) url.searchParams.set(name, value);
  const { size } = await stat(zip);
  const answer = await fetch(url, {
    method: "POST",
    body: Readable.toWeb(createReadStream(zip)),
    headers: { "content-length": String(size) },
    // The answer begins while the upload is still going on.
    duplex: "half",
  });
  if (!answer.ok) {
    // A problem (RFC 9457): `code` is for programs, `detail` for people.
    const problem = await answer.json();
    throw Object.assign(new Error(problem.detail), { code: problem.code, status: answer.status });
  }
  const partial = `${result}.part`;
  try {
    // Fails when the transfer breaks off, which means that the zip is broken or the service gave up.
    await pipeline(Readable.fromWeb(answer.body), createWriteStream(partial));
    await rename(partial, result);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  return { quality: Number(answer.headers.get("recompress-quality")), bytes: (await stat(result)).size };
}

if (process.argv[1] === import.meta.filename) {
  const [service, zip, result] = process.argv.slice(2);
  if (!result) {
    console.error("usage: node convert.mjs SERVICE ZIP RESULT");
    process.exit(2);
  }
  try {
    const { bytes, quality } = await convert(service, zip, result);
    console.log(`${result}: ${bytes} bytes at quality ${quality}`);
  } catch (error) {
    console.error(`${error.code ?? "failed"}: ${error.message}`);
    process.exit(1);
  }
}
