// Clients that generators make of /openapi.json, used against the service.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

import { createConfig, lint } from "@redocly/openapi-core";
import { strToU8, zipSync } from "fflate";
import openapiTypescript, { astToString } from "openapi-typescript";
import ts from "typescript";

import { converted, root, startWorker } from "../worker/harness.mjs";

const run = promisify(execFile);
const description = join(root, "src/http/openapi.json");
const contract = join(root, "tests/contract");
const zip = Buffer.from(zipSync({ "a.txt": strToU8("hello\n"), "b/c.txt": strToU8("line\n".repeat(10_000)) }));

let folder;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "recompress-clients-"));
  writeFileSync(join(folder, "save.zip"), zip);
});
after(() => rmSync(folder, { recursive: true }));

test("redocly's recommended rules find nothing", async () => {
  const problems = await lint({ ref: description, config: await createConfig({ extends: ["recommended"] }) });
  assert.deepEqual(problems.map(({ ruleId, message, location }) => [ruleId, message, location[0].pointer]), []);
});

test("the client of openapi-python-client converts, inspects, estimates and reads problems", async (t) => {
  const tools = join(root, ".tools/schemathesis/bin");
  const generate = ["generate", "--path", description, "--output-path", join(folder, "generated"), "--meta", "none"];
  const env = { ...process.env, PATH: `${tools}:${process.env.PATH}`, PYTHONPATH: folder };
  const { stdout } = await run(join(tools, "openapi-python-client"), [...generate, "--config", join(contract, "python-client.yaml")], { env });
  assert.doesNotMatch(stdout, /warning|error/i);
  const { port } = await startWorker(t);
  const output = join(folder, "python.tar.br");
  await run(join(tools, "python"), [join(contract, "client.py"), `http://127.0.0.1:${port}`, join(folder, "save.zip"), output], { env });
  assert.ok(readFileSync(output).equals(converted(zip, "--quality", 5, "--lgwin", 18)));
});

test("the client of openapi-typescript compiles, and does the same", async (t) => {
  // The generator takes binary data for a string unless told otherwise (its documentation, "Node.js API").
  const blob = ts.factory.createTypeReferenceNode("Blob");
  const types = await openapiTypescript(pathToFileURL(description), { transform: ({ format }) => (format === "binary" ? blob : undefined) });
  writeFileSync(join(folder, "generated.d.ts"), astToString(types));
  writeFileSync(join(folder, "package.json"), '{"type": "module"}');
  copyFileSync(join(contract, "client.ts"), join(folder, "client.ts"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const options = ["--noEmit", "--strict", "--target", "esnext", "--module", "esnext", "--moduleResolution", "bundler", "--skipLibCheck", "--types", "node"];
  await run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), ...options, "client.ts"], { cwd: folder }).catch(({ stdout }) => assert.fail(stdout));
  const { port } = await startWorker(t);
  const output = join(folder, "typescript.tar.br");
  await run(process.execPath, ["client.ts", `http://127.0.0.1:${port}`, join(folder, "save.zip"), output], { cwd: folder });
  assert.ok(readFileSync(output).equals(converted(zip, "--quality", 5, "--lgwin", 18)));
});
