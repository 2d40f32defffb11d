// Firefox, driven by WebDriver BiDi (https://w3c.github.io/webdriver-bidi/), which it speaks without another program.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { PATIENCE_MS } from "./harness.mjs";

/** The system's Firefox; `FIREFOX` names another. */
const FIREFOX = process.env.FIREFOX ?? "/usr/bin/firefox-esr";

/** Starts Firefox in a profile of its own. Resolves to its one tab, and the folder of its downloads. */
export async function startFirefox(t) {
  const profile = mkdtempSync(join(tmpdir(), "recompress-firefox-"));
  const downloads = join(profile, "downloads");
  const preferences = {
    "browser.download.dir": downloads,
    "browser.download.folderList": 2,
    "browser.download.always_ask_before_handling_new_types": false,
    "browser.shell.checkDefaultBrowser": false,
    "app.update.disabledForTesting": true,
    "datareporting.policy.dataSubmissionEnabled": false,
    "network.captive-portal-service.enabled": false,
    "network.connectivity-service.enabled": false,
    "services.settings.server": "data:,", // no requests of the browser's own
  };
  writeFileSync(join(profile, "user.js"), Object.entries(preferences).map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});\n`).join(""));
  const firefox = spawn(FIREFOX, ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0", "about:blank"], {
    env: { ...process.env, HOME: profile, MOZ_CRASHREPORTER_DISABLE: "1" },
    stdio: ["ignore", "ignore", "pipe"],
    detached: true, // a group, so that its content processes end with it
  });
  const stop = () => {
    try {
      process.kill(-firefox.pid, "SIGKILL");
    } catch {} // it has ended
  };
  process.on("exit", stop);
  t.after(async () => {
    stop();
    if (firefox.exitCode === null && firefox.signalCode === null) await once(firefox, "exit");
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  });
  const socket = await connect(firefox);
  const tab = await Tab.open(socket);
  return { tab, downloads };
}

async function connect(firefox) {
  const log = [];
  for await (const line of createInterface(firefox.stderr)) {
    log.push(line);
    const address = line.match(/WebDriver BiDi listening on (ws:\S+)/)?.[1];
    if (!address) continue;
    firefox.stderr.resume();
    const socket = new WebSocket(`${address}/session`);
    await once(socket, "open");
    return socket;
  }
  throw new Error(`Firefox did not start:\n${log.join("\n")}`);
}

/** The first tab of a session. `complaints` are errors and warnings of its pages. */
class Tab {
  static async open(socket) {
    const tab = new Tab();
    tab.socket = socket;
    tab.waiting = new Map();
    tab.complaints = [];
    socket.addEventListener("message", ({ data }) => tab.#heard(JSON.parse(data)));
    await tab.#send("session.new", { capabilities: {} });
    await tab.#send("session.subscribe", { events: ["log.entryAdded"] });
    const { contexts } = await tab.#send("browsingContext.getTree", {});
    tab.context = contexts[0].context;
    return tab;
  }

  #heard({ id, result, error, message, method, params }) {
    if (method === "log.entryAdded" && ["error", "warn"].includes(params.level)) this.complaints.push(params.text);
    const promise = this.waiting.get(id);
    if (!promise) return;
    this.waiting.delete(id);
    if (error) promise.reject(new Error(`${error}: ${message}`));
    else promise.resolve(result);
  }

  #send(method, params) {
    const id = (this.last = (this.last ?? 0) + 1);
    const promise = Promise.withResolvers();
    this.waiting.set(id, promise);
    const timer = setTimeout(() => promise.reject(new Error(`no answer to ${method}`)), PATIENCE_MS);
    this.socket.send(JSON.stringify({ id, method, params }));
    return promise.promise.finally(() => clearTimeout(timer));
  }

  goto(url) {
    return this.#send("browsingContext.navigate", { context: this.context, url, wait: "complete" });
  }

  /** The value of an expression in the page, which is a string, a number or a boolean. A promise is waited for. */
  async evaluate(expression) {
    const answer = await this.#send("script.evaluate", { expression, target: { context: this.context }, awaitPromise: true, userActivation: true });
    if (answer.type === "exception") throw new Error(answer.exceptionDetails.text);
    return answer.result.value;
  }

  /** Waits until an expression is true. */
  async until(expression) {
    for (const deadline = Date.now() + PATIENCE_MS; !(await this.evaluate(expression)); ) {
      assert.ok(Date.now() < deadline, `after all patience not ${expression}`);
      await new Promise((rested) => setTimeout(rested, 100));
    }
  }

  /** Gives files to a file field. */
  async setFiles(selector, ...files) {
    const { nodes } = await this.#send("browsingContext.locateNodes", { context: this.context, locator: { type: "css", value: selector } });
    await this.#send("input.setFiles", { context: this.context, element: { sharedId: nodes[0].sharedId }, files });
  }
}
