// Uses the types that openapi-typescript generated: node client.ts ORIGIN ZIP OUTPUT. tsc checks it, node runs it.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";

import createClient from "openapi-fetch";

import type { paths } from "./generated";

const [origin, zipPath, outputPath] = process.argv.slice(2) as [string, string, string];
const zip = new Blob([readFileSync(zipPath)]);
const client = createClient<paths>({ baseUrl: origin });

/** The options of a conversion whose body is sent, and whose result is read, as bytes. */
const bytes = { parseAs: "blob", bodySerializer: (body: unknown) => body as Blob, headers: { "content-type": "application/zip" } } as const;

const { data, error, response } = await client.POST("/", { ...bytes, params: { query: { quality: "5", lgwin: "18" } }, body: zip });
assert.ok(data, JSON.stringify(error));
const tarball: Blob = data;
assert.equal(response.headers.get("recompress-quality"), "5");
writeFileSync(outputPath, Buffer.from(await tarball.arrayBuffer()));

const refused = await client.POST("/", { ...bytes, body: new Blob(["no zip at all"]) });
assert.equal(refused.error?.code, "not_zip");
// The codes are a union: a wrong one does not compile.
// @ts-expect-error
const wrong: NonNullable<typeof refused.error>["code"] = "no_such_code";
assert.notEqual(refused.error?.code, wrong);

const listing = await client.POST("/inspect", { ...bytes, parseAs: "json", body: zip });
// A string is the answer in lines.
assert.ok(typeof listing.data === "object", JSON.stringify(listing.error));
const members: number = listing.data.totals.members;
assert.equal(members, 2);
const estimate = await client.GET("/estimate", { params: { query: { zip_bytes: zip.size, unpacked_bytes: 1000, quality: "auto" } } });
assert.ok(estimate.data?.output_bytes, JSON.stringify(estimate.error));
