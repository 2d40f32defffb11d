// What a chosen save says about itself: game, version, date, player, mods.

import * as format from "./format.js";
import { readMetadata } from "./local.js";
import { element } from "./members.js";
import { texts } from "./texts.js";

/** Mods that are named. The others are counted. */
const NAMED = 5;

const list = document.getElementById("about");

/** Reads the metadata of `file`; undefined if it is no save, or if it cannot be read. */
export async function lookForSave(file) {
  return (await readMetadata(file).catch(() => undefined)) ?? undefined;
}

/** Whether a save is not in a zip: by its first bytes, as the service decides. */
export async function isPlain(file) {
  const start = await file.slice(0, 7).text();
  return start.startsWith("SAV") ? parseInt(start.slice(5), 16) <= 1 : !start.startsWith("PK");
}

/** Shows the metadata of a save. `undefined` hides it. */
export function showSave(found) {
  const facts = found ? factsOf(found).filter(([, value]) => value) : [];
  list.replaceChildren(
    ...facts.map(([name, value]) => {
      const fact = element("div", "", { className: name === texts.mods ? "wide" : "" });
      fact.append(element("dt", name), element("dd", value));
      return fact;
    }),
  );
  list.hidden = facts.length === 0;
}

function factsOf({ game_name: game, version, date, player, ironman, form, mods }) {
  const shown = (text) => text && format.printable(text);
  return [
    [texts.game, shown(game)],
    [texts.version, shown(version)],
    [texts.date, shown(date)],
    [texts.player, shown(player)],
    [texts.mode, ironman && texts.ironman],
    [texts.form, form === "binary" && texts.binary],
    [texts.mods, mods && modsOf(mods.map(format.printable))],
  ];
}

function modsOf(mods) {
  if (mods.length === 0) return texts.noMods;
  const named = mods.slice(0, NAMED).join(", ");
  return mods.length > NAMED ? texts.andMore(named, format.plural(mods.length - NAMED, texts.nOthers)) : named;
}
