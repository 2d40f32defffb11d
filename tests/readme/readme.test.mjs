// The transcripts of the README and of docs/, run against the command that a reader would run: `make dev`.
//
//     node --test tests/readme/*.test.mjs                 compares each command's output with the text
//     UPDATE=1 node --test tests/readme/*.test.mjs        writes the output into the text instead

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";

import { recompress, root } from "../worker/harness.mjs";
import { refusals } from "./refusals.mjs";

const SHOWN = "http://localhost:8787";

/** Milliseconds for `make dev` to build and start, and for one command. */
const START_MS = 900_000;
const COMMAND_MS = 180_000;

/** Every command with its expected output, in order. `at` is where that output starts in the text. */
function transcripts(text) {
  const steps = [];
  for (const block of text.matchAll(/^```console\n(.*?)^```$/gms)) {
    const start = block.index + "```console\n".length;
    const commands = [...block[1].matchAll(/^\$ (.*)\n/gm)];
    for (const [i, { 1: command, 0: line, index }] of commands.entries()) {
      const from = index + line.length;
      const to = commands[i + 1]?.index ?? block[1].length;
      steps.push({ command, expected: block[1].slice(from, to), at: start + from });
    }
  }
  return steps;
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}

/** Starts `make dev`; resolves to its address when it answers. */
async function startDev() {
  const port = await freePort();
  const make = spawn("make", ["--no-print-directory", "dev", `PORT=${port}`, "ARGS=--inspector-port 0"], {
    cwd: root,
    // Without CI, wrangler may ask questions on a terminal; without a group, its children outlive it.
    env: { ...process.env, CI: "1" },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const stop = () => {
    try {
      process.kill(-make.pid, "SIGKILL");
    } catch {} // it has ended
  };
  process.on("exit", stop);
  after(async () => {
    stop();
    if (make.exitCode === null && make.signalCode === null) await once(make, "exit");
  });
  const log = [];
  for (const stream of [make.stdout, make.stderr]) stream.on("data", (part) => log.push(part));
  const said = () => Buffer.concat(log).toString();
  const origin = `http://localhost:${port}`;
  // Ends with an answer, with the process, or with the deadline.
  for (const deadline = Date.now() + START_MS; ; await new Promise((rested) => setTimeout(rested, 250))) {
    if (make.exitCode !== null || make.signalCode !== null) throw new Error(`make dev ended:\n${said()}`);
    if (Date.now() > deadline) throw new Error(`make dev did not start:\n${said()}`);
    const answer = await fetch(`${origin}/health`, { signal: AbortSignal.timeout(10_000) }).catch(() => undefined);
    if (answer?.ok) return origin;
  }
}

const origin = await startDev();
const folder = mkdtempSync(join(tmpdir(), "recompress-readme-"));
after(() => rmSync(folder, { recursive: true }));
if (!existsSync(recompress)) throw new Error(`no ${recompress}: make build`);

/** Runs a command as the text shows it; resolves to its output as the text would show it. */
async function run(command) {
  // The texts name one address and files of the repository; here both are somewhere else.
  const here = command.replaceAll(SHOWN, origin).replaceAll("fixtures/", join(root, "fixtures/"));
  const env = { ...process.env, PATH: `${dirname(recompress)}:${process.env.PATH}`, TZ: "UTC", LC_ALL: "C.UTF-8" };
  const { stdout, stderr } = await promisify(execFile)("bash", ["-o", "pipefail", "-c", here], { cwd: folder, env, timeout: COMMAND_MS });
  return (stdout + stderr).replaceAll(origin, SHOWN);
}

const docs = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`);
let commands = 0;
// The README first: it makes the zip that the other pages use.
for (const path of ["README.md", ...docs.sort()]) {
  const text = readFileSync(join(root, path), "utf8");
  const steps = transcripts(text);
  if (steps.length === 0) continue;
  commands += steps.filter(({ command }) => command.startsWith("curl ")).length;
  test(`the commands of ${path} print the shown output`, async () => {
    const printed = [];
    for (const { command, expected } of steps) {
      const output = await run(command);
      printed.push(output);
      if (!process.env.UPDATE) assert.equal(output, expected, `$ ${command}`);
    }
    if (!process.env.UPDATE) return;
    const updated = steps.reduceRight((text, { at, expected }, i) => text.slice(0, at) + printed[i] + text.slice(at + expected.length), text);
    writeFileSync(join(root, path), updated);
  });
}

/** Sends standard input as Python's clients do: everything before it reads. */
const PYTHON = `import sys, urllib.request, urllib.error
request = urllib.request.Request(sys.argv[1], data=sys.stdin.buffer.read(), method=sys.argv[2], headers=dict(header.split(": ") for header in sys.argv[3:]))
try: answer = urllib.request.urlopen(request, timeout=60)
except urllib.error.HTTPError as refused: answer = refused
sys.stdout.write(answer.read().decode())`;

/** Tries of each client. `TRIES=20 node --test tests/readme/*.test.mjs` is the long run. */
const TRIES = Number(process.env.TRIES ?? 1);

test("a refusal reaches clients that are still sending", async (t) => {
  const file = join(folder, "body");
  const lost = [];
  const rows = refusals();
  for (const [method, path, headers, body, code] of rows) {
    writeFileSync(file, body);
    const clients = {
      curl: () => {
        const options = ["-sS", "-X", method, "--data-binary", `@${file}`, ...headers.flatMap((header) => ["-H", header]), origin + path];
        return promisify(execFile)("curl", options).then(({ stdout }) => stdout);
      },
      // Streamed: node then ends with EPIPE if the connection closes while it sends.
      fetch: () => {
        const streamed = { method, body: new Blob([body]).stream(), duplex: "half", headers: headers.map((header) => header.split(": ")) };
        return fetch(origin + path, streamed).then((answer) => answer.text());
      },
      Python: () => run(`python3 -c '${PYTHON}' '${origin + path}' ${method} ${headers.map((header) => `'${header}'`).join(" ")} < ${file}`),
    };
    for (const [client, send] of Object.entries(clients)) {
      for (let i = 0; i < TRIES; i++) {
        const answer = await send().catch((error) => String(error.cause ?? error));
        if (!answer.includes(`"code":"${code}"`)) lost.push(`${client} ${method} ${path} ${code}: ${answer.slice(0, 300)}`);
      }
    }
  }
  t.diagnostic(`${rows.length} refusals, ${TRIES} tries of each of three clients, ${lost.length} lost`);
  assert.deepEqual(lost, []);
});

test("there are commands to run", () => assert.ok(commands > 8, `${commands} curl commands`));

/** The anchors that GitHub gives to the headings of a text. */
function anchors(text) {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading);
  return headings.map((heading) => heading.toLowerCase().replace(/[^\p{L}\p{N}\s-]/gu, "").replaceAll(" ", "-"));
}

test("every file and heading that a text links to is there", () => {
  for (const path of ["README.md", ...docs]) {
    const text = readFileSync(join(root, path), "utf8").replace(/^```.*?^```$/gms, "");
    for (const [, target, anchor] of text.matchAll(/\]\(([^)#:\s]*)(?:#([^)]*))?\)/g)) {
      const file = target ? join(root, dirname(path), target) : join(root, path);
      assert.ok(existsSync(file), `${path} links to ${target}`);
      if (anchor) assert.ok(anchors(readFileSync(file, "utf8")).includes(anchor), `${path} links to ${target}#${anchor}`);
    }
  }
});
