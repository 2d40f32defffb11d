// Keeping: the zip of a result is stored on this site as an archive, where the installation stores some.

import { Archives } from "./archives.js";
import * as format from "./format.js";
import { element } from "./members.js";
import { texts } from "./texts.js";

/** Members that are listed as links. */
const LISTED = 100;

const at = (id) => document.getElementById(id);

/** Whether this site stores archives: the methods of their path say so. */
const stores = fetch("/archives", { method: "OPTIONS" }).then(
  ({ headers }) => /\bPOST\b/.test(headers.get("Allow") ?? ""),
  () => false,
);

/** The zip that is offered, with the options of its result; the archive that it became. */
let offered, kept;

/** The storing that goes on. */
let stop;

/** Kept in memory only. */
let token;

/** Offers to keep the zip of the result that is shown, converted with these options. */
export async function offer(file, options, knownToken, tell) {
  const mine = { file, options, tell };
  [offered, kept] = [mine, undefined];
  token ??= knownToken;
  stop?.abort();
  at("keep").hidden = true;
  if (!(await stores) || offered !== mine) return;
  at("keep-it").disabled = at("keep-it").hidden = false;
  at("kept").hidden = at("keep-token-field").hidden = true;
  at("keep").hidden = false;
}

/** A client with the token, if there is one. */
const archives = () => new Archives(location.origin, { token });

async function keep() {
  const mine = offered;
  token = at("keep-token").value.trim() || token;
  at("keep-it").disabled = true;
  mine.tell(texts.keeping);
  stop = new AbortController();
  try {
    const { signal } = stop;
    kept = await archives().put(undefined, mine.file, { ...mine.options, name: mine.file.name, signal });
    const members = await archives().members(kept.id, { signal });
    if (offered === mine) showKept(members ?? []);
  } catch (failure) {
    if (offered !== mine) return;
    at("keep-it").disabled = false;
    if (stop.signal.aborted) return mine.tell(texts.cancelled);
    at("keep-token-field").hidden = failure.code !== "unauthorized";
    mine.tell(texts.notKept(failure.detail ?? texts.network.title));
    at(failure.code === "unauthorized" ? "keep-token" : "keep-it").focus();
  } finally {
    stop = undefined;
  }
}

function showKept(members) {
  const address = `${location.origin}/archives/${kept.id}`;
  const link = (name) => `${address}/members/${name.split("/").map(encodeURIComponent).join("/")}`;
  at("keep-it").hidden = at("keep-token-field").hidden = true;
  Object.assign(at("kept-link"), { href: address, textContent: address });
  at("kept-curl").textContent = `curl --fail-with-body -OJ ${address}`;
  const files = members.filter(({ kind }) => kind === "file");
  const rows = files.slice(0, LISTED).map(({ name, size }) => {
    const row = element("li", "");
    row.append(element("a", format.printable(name), { href: link(name) }), ` ${format.size(size)}`);
    return row;
  });
  if (files.length > LISTED) rows.push(element("li", texts.andOthers(format.plural(files.length - LISTED, texts.nOthers))));
  at("kept-members").replaceChildren(...rows);
  at("kept").hidden = false;
  offered.tell(texts.kept(format.size(kept.bytes)));
  at("kept-link").focus();
}

async function remove() {
  try {
    await archives().delete(kept.id);
    offer(offered.file, offered.options, token, offered.tell);
    offered.tell(texts.removed);
  } catch (failure) {
    offered.tell(texts.notRemoved(failure.detail ?? texts.network.title));
  }
}

at("keep-it").onclick = keep;
at("kept-remove").onclick = remove;
at("keep-token").onkeydown = (event) => {
  if (event.key === "Enter") keep();
};
addEventListener("keydown", ({ key }) => key === "Escape" && stop?.abort());
