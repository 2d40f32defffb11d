// Converts a zip on disk by a recompress service, as streams:
//
//     node convert.mjs http://localhost:8787 save.zip save.tar.br
//
// The result has its name only when it is whole. A refusal or a broken transfer leaves no file.

import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { finished, pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";

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
    const { code, detail } = await problemOf(answer);
    throw Object.assign(new Error(detail), { code, status: answer.status });
  }
  const partial = `${result}.${process.pid}.part`;
  try {
    // Fails when the transfer breaks off, which means that the zip is broken or the service gave up.
    await pipeline(Readable.fromWeb(answer.body), whole, createWriteStream(partial));
    await rename(partial, result);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  return { quality: Number(answer.headers.get("recompress-quality")), bytes: (await stat(result)).size };
}

/** A problem (RFC 9457): `code` is for programs, `detail` for people. Proxies answer with documents of their own. */
async function problemOf(answer) {
  const text = await answer.text();
  if (answer.headers.get("content-type") === "application/problem+json") return JSON.parse(text);
  return { code: `status_${answer.status}`, detail: text.slice(0, 200) || answer.statusText };
}

/**
 * Passes a brotli stream on, decodes it on the side, and throws if the stream has no end.
 *
 * A proxy may turn a broken transfer into a clean end. The service writes the end of the brotli stream only after the whole
 * zip is verified, so that end proves the result whole.
 */
async function* whole(pieces) {
  const decoder = createBrotliDecompress().resume();
  const end = finished(decoder);
  end.catch(() => {}); // It is awaited below, perhaps after it has failed.
  for await (const piece of pieces) {
    if (!decoder.write(piece)) await Promise.race([once(decoder, "drain"), end]);
    yield piece;
  }
  decoder.end();
  await end;
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
