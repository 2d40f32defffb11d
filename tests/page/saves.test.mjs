// Saves in the browser: the page shows their metadata and converts them to JSON, and so does the package, in Chromium.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";

import { zipSync } from "fflate";

import { save as generated } from "../../fixtures/save.mjs";
import { recompress, root, run } from "../worker/harness.mjs";
import { choose, ended, openPage, save, startBrowser, startSite } from "./harness.mjs";

const origin = await startSite({ after });
const browser = await startBrowser({ after });

const meta = `EU4txt
date=1444.11.11
player="FRA"
savegame_version={
	first=1
	second=36
	third=2
	forth=0
}
mods_enabled_names={
${["Better <b>UI</b>", "Two", "Three", "Four", "Five", "Six", "Seven"].map((name) => `\t{\n\t\tfilename="mod/x.mod"\n\t\tname="${name}"\n\t}\n`).join("")}}
is_ironman=yes
`;
const gamestate = `EU4txt\ncountries={\n${Array.from({ length: 20_000 }, (_, i) => `\tC${i}={ treasury=${i}.500 }\n`).join("")}}\n`;
const eu4 = Buffer.from(zipSync({ gamestate: Buffer.from(gamestate), meta: Buffer.from(meta) }));
const plain = Buffer.from('HOI4txt\nplayer="GER"\ndate="1936.1.1.12"\nideology=fascism\n');
const binary = Buffer.from("EU4bin\x4d\x28\x01\x00\x0c\x00\x10\x77\x5d\x03\x38\x2a\x01\x00\x0f\x00\x03\x00HUN", "latin1");

/** The facts on the page, as they are read. */
async function facts(page) {
  await page.waitForSelector("#about:not([hidden])");
  return page.evaluate(() => Object.fromEntries([...document.querySelectorAll("#about div")].map((fact) => [fact.children[0].textContent, fact.children[1].textContent])));
}

/** The JSON of a save by the command line. */
const jsonOf = (input, ...options) => run(recompress, ["json", ...options, "-"], { input });

test("a save shows its game, version, date, player and mods", async (t) => {
  const { page, requests } = await openPage(t, browser, origin);
  await choose(page, { name: "save.eu4", buffer: eu4 });
  assert.deepEqual(await facts(page), {
    Game: "Europa Universalis IV",
    Version: "1.36.2.0",
    Date: "1444.11.11",
    Player: "FRA",
    Mode: "ironman",
    Mods: "Better <b>UI</b>, Two, Three, Four, Five, and 2 others",
  });
  assert.ok(requests.every((request) => request.method() === "GET"), "nothing is sent");

  for (const [kind, game] of [["eu4", "Europa Universalis IV"], ["stellaris", "Stellaris"], ["ck3", "Crusader Kings III"]]) {
    const buffer = await generated({ kind, mib: 2 });
    await choose(page, { name: `${kind}.zip`, buffer });
    await page.waitForFunction((game) => document.getElementById("about").textContent.includes(game), game);
    const { Version: version, Date: date, Player: player } = await facts(page);
    assert.ok(version && /^\d+\.\d+\.\d+$/.test(date) && player, `${kind}: ${version}, ${date}, ${player}`);
    assert.ok(await page.isVisible("#to-json"));
  }

  // What is no save has none of this, and shows nothing of the save before it.
  await choose(page, { name: "notes.zip", buffer: Buffer.from(zipSync({ "a.txt": Buffer.from("a") })) });
  await page.waitForTimeout(500);
  assert.ok(!(await page.isVisible("#about")) && !(await page.isVisible("#to-json")));
  await choose(page, { name: "one.eu4", buffer: eu4 }, { name: "two.eu4", buffer: eu4 });
  assert.ok(!(await page.isVisible("#about")) && !(await page.isVisible("#to-json")));
});

test("a save is converted to the JSON of the command line, in this browser, and becomes a tarball as before", async (t) => {
  const { page, requests } = await openPage(t, browser, origin);
  await choose(page, { name: "My save.zip", buffer: eu4 });
  await page.click("#to-json");
  assert.equal(await ended(page), "done");
  assert.equal(await page.textContent("#done-title"), "The JSON is ready");
  const { name, bytes } = await save(page);
  assert.equal(name, "My save.json");
  assert.ok(bytes.equals(jsonOf(eu4)));
  assert.ok(!(await page.isVisible("#result-facts")) && !(await page.isVisible("#compared")));
  assert.ok(requests.every((request) => request.method() === "GET"), "nothing is sent");

  await page.click("#convert");
  await page.waitForFunction(() => document.getElementById("save-name").textContent.endsWith(".tar.br"));
  assert.ok((await page.isVisible("#result-facts")) && (await page.isVisible("#compared")));
  const rows = page.locator("#results-rows tr");
  assert.match(await rows.nth(0).textContent(), /JSON, in this browser/);
  assert.match(await rows.nth(1).textContent(), /quality \d+/);
});

test("a save without a zip can only be converted to JSON, and a binary one only shows what it says", async (t) => {
  const { page } = await openPage(t, browser, origin);
  await choose(page, { name: "save.hoi4", buffer: plain });
  assert.deepEqual(await facts(page), { Game: "Hearts of Iron IV", Date: "1936.1.1.12", Player: "GER" });
  await page.waitForSelector("#to-json:not([hidden])");
  assert.match(await page.textContent("#problems"), /^This save is not in a zip, so it can only be converted to JSON\.$/);
  assert.ok(!(await page.isVisible("#convert")));
  await page.click("#to-json");
  assert.equal(await ended(page), "done");
  assert.ok((await save(page)).bytes.equals(jsonOf(plain)));

  await choose(page, { name: "iron.eu4", buffer: Buffer.from(zipSync({ gamestate: binary, meta: binary })) });
  await page.waitForFunction(() => document.getElementById("about").textContent.includes("binary"));
  assert.deepEqual(await facts(page), { Game: "Europa Universalis IV", Form: "binary" });
  assert.ok(!(await page.isVisible("#to-json")));
});

test("a save that turns out to be broken fails with the service's words, and can be tried as a tarball", async (t) => {
  const { page } = await openPage(t, browser, origin);
  await choose(page, { name: "save.zip", buffer: Buffer.from(zipSync({ gamestate: Buffer.from(`${gamestate}x={`) })) });
  await page.click("#to-json");
  assert.equal(await ended(page), "failed");
  assert.equal(await page.textContent("#code"), "bad_text");
  assert.ok(!(await page.isVisible("#retry")));
  await page.click("#convert");
  await page.waitForSelector("#done:not([hidden])");
});

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing to complain of in a save, in ${colorScheme} colours`, async (t) => {
    const { page } = await openPage(t, browser, origin, { colorScheme, reducedMotion: "reduce" });
    const check = async (state) => {
      await page.evaluate(readFileSync(join(root, "node_modules/axe-core/axe.min.js"), "utf8"));
      const { violations } = await page.evaluate(() => axe.run());
      assert.deepEqual(violations.map(({ id, nodes }) => [state, id, nodes.map(({ html }) => html)]), []);
    };
    await choose(page, { name: "save.eu4", buffer: eu4 });
    await facts(page);
    await check("chosen");
    await page.click("#to-json");
    assert.equal(await ended(page), "done");
    await check("done");
    assert.equal(await page.evaluate(() => document.activeElement.id), "done-title");
  });
}

test("nothing of a save is cut off on a phone, and Convert needs no scrolling", async (t) => {
  const { page } = await openPage(t, browser, origin, { viewport: { width: 320, height: 640 } });
  const fits = async (state) => assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320, state);
  const mods = `mod_enabled={ "${"a_mod_without_spaces".repeat(8)}" }`;
  await choose(page, { name: "save.eu4", buffer: Buffer.from(zipSync({ gamestate: Buffer.from(`EU4txt\n${mods}\n`), meta: Buffer.from(meta.replace(/mods_enabled_names[^]*\n}\n/, "")) })) });
  await facts(page);
  await fits("chosen");
  for (const id of ["convert", "to-json"]) assert.ok((await page.locator(`#${id}`).boundingBox()).y + 40 < 640, id);
  await page.click("#to-json");
  assert.equal(await ended(page), "done");
  await fits("done");
});

test("the package gives metadata and JSON in Chromium, piece by piece, also of binary saves", async (t) => {
  const { page } = await openPage(t, browser, origin);
  const [large, text] = [await generated({ kind: "eu4", mib: 6 }), meta + gamestate.slice("EU4txt\n".length)];
  const found = await page.evaluate(
    async ([large, plain, binary]) => {
      const { RecompressError, json, metadata } = await import("/page/recompress.js");
      const blob = (base64) => new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))]);
      const text = (stream) => new Response(stream).text();
      const words = "0x284d date\n0x2a38 player\n";
      const failure = (promise) => promise.then(() => "none", (error) => (error instanceof RecompressError ? error.code : String(error)));
      /** The reason why there is no JSON. It comes from the stream and from its promise. */
      const refused = async (stream) => {
        const codes = await Promise.all([failure(Array.fromAsync(stream)), failure(stream.complete)]);
        return codes[0] === codes[1] ? codes[0] : codes;
      };

      let pieces = 0;
      let length = 0;
      for await (const piece of json(blob(large))) {
        pieces++;
        length += piece.length;
      }
      // A reader that takes nothing keeps the save from being read on.
      let pulled = 0;
      const bytes = new Uint8Array(await blob(large).arrayBuffer());
      const source = new ReadableStream({ pull: (controller) => (pulled < bytes.length ? controller.enqueue(bytes.slice(pulled, (pulled += 10_000))) : controller.close()) }, { highWaterMark: 0 });
      const reader = json(source).getReader();
      await reader.read();
      await new Promise((resolve) => setTimeout(resolve, 200));
      const held = pulled < bytes.length / 2;
      await reader.cancel();

      return {
        pieces,
        length,
        held,
        meta: await metadata(blob(large)),
        none: await metadata(new Blob(["words"])),
        part: await text(json(blob(plain), { select: "/countries/C7" })),
        lines: await text(json(blob(plain), { lines: "/countries", select: ["/countries/C1", "/countries/C2"] })),
        pairs: await text(json(blob(plain), { keys: "pairs", select: ["/date"], narrow: "none" })),
        binary: await text(json(blob(binary), { tokens: words })),
        second: await text(json(blob(binary), { tokens: new Blob([words]) })),
        binaryMeta: await metadata(blob(binary), { tokens: words }),
        unread: await metadata(blob(binary)),
        errors: await Promise.all([
          refused(json(blob(binary))),
          refused(json(blob(binary), { tokens: "0x284d date", unknown: "refuse" })),
          refused(json(blob(binary), { tokens: "nonsense" })),
          failure(metadata(blob(binary), { tokens: "nonsense" })),
          refused(json(blob(plain), { keys: "other" })),
          refused(json(blob(plain), { select: "date" })),
          refused(json(new Blob(["a={"]))),
          refused(json(blob(large).slice(0, -1))),
        ]),
      };
    },
    [large, Buffer.from(text), binary].map((bytes) => bytes.toString("base64")),
  );
  assert.equal(found.length, jsonOf(large).length);
  assert.ok(found.pieces > 20, `${found.pieces} pieces`);
  assert.ok(found.held, "a reader holds the source");
  assert.equal(found.meta.game, "eu4");
  assert.ok(found.meta.date && found.meta.player && found.meta.version);
  assert.equal(found.none, null);
  assert.equal(found.part, '{"countries":{"C7":{"treasury":7.5}}}');
  assert.equal(found.lines, '{"key":"C1","value":{"treasury":1.5}}\n{"key":"C2","value":{"treasury":2.5}}\n{"complete":true,"lines":2}\n');
  assert.equal(found.pairs, '{"type":"obj","val":[["date","1444.11.11"]]}');
  assert.equal(found.binary, '{"date":"1444.11.11","player":"HUN"}');
  assert.equal(found.second, found.binary);
  assert.deepEqual([found.binaryMeta.date, found.binaryMeta.player, found.binaryMeta.form], ["1444.11.11", "HUN", "binary"]);
  assert.deepEqual([found.unread.game, found.unread.date], ["eu4", null]);
  assert.deepEqual(found.errors, ["binary_save", "unknown_token", "bad_tokens", "bad_tokens", "bad_option", "bad_option", "bad_text", "truncated"]);
});
