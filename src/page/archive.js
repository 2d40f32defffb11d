// A stored archive, a .tar.br or a .tar: its members are listed, and each can be saved. Nothing is sent.

import { Failure } from "./failure.js";
import * as format from "./format.js";
import { element } from "./members.js";
import { texts } from "./texts.js";

/** Rows that are added at once. */
const ROWS = 200;

/** The text that a file with an index has at this offset, and the extensions of all others. */
const SIGNATURE = { at: 3, text: "recompress/1" };
const EXTENSIONS = /\.(tar|tar\.br|tbr)$/i;

const at = (id) => document.getElementById(id);

/** The open archive: the thread that reads it, and its members. */
let opened;

/** The address of the member that was saved last. */
let saved;

/** Whether a file is to be opened, and not converted. */
export async function isArchive(file) {
  if (EXTENSIONS.test(file.name)) return true;
  const { at, text } = SIGNATURE;
  return (await file.slice(at, at + text.length).text().catch(() => "")) === text;
}

/** Opens an archive and lists its members. Throws a `Failure`. */
export async function openArchive(file) {
  closeArchive();
  const worker = new Worker(new URL("./archive_worker.js", import.meta.url), { type: "module" });
  const mine = (opened = { worker, file, members: [] });
  worker.onerror = (event) => {
    event.preventDefault();
    mine.failed?.(new Failure("load", texts.load.detail));
  };
  const { members, indexed } = await asked(mine, { open: file });
  mine.members = members;
  const unpacked = members.reduce((sum, { size }) => sum + size, 0);
  const parts = [format.size(file.size), format.plural(members.length, texts.nMembers), texts.unpacked(format.size(unpacked))];
  at("archive-contents").textContent = parts.concat(indexed ? [] : [texts.noIndex]).join(" · ");
  at("archive-list").hidden = members.length === 0;
  addMembers();
}

/** Shows the name of an archive, and nothing of its members yet. */
export function announceArchive(file) {
  at("archive-name").textContent = format.printable(file.name);
  at("archive-contents").textContent = format.size(file.size);
  at("archive-members").replaceChildren();
  at("archive-list").hidden = true;
  tell();
}

/** Ends the thread of the open archive. */
export function closeArchive() {
  opened?.worker.terminate();
  opened?.failed?.(new DOMException("closed", "AbortError"));
  opened = undefined;
  forget();
}

/** Says why an archive, or a member, cannot be read; nothing without a reason. */
export function tell(reason) {
  at("archive-problem").hidden = reason === undefined;
  at("archive-problem").replaceChildren(...(reason === undefined ? [] : [element("li", reason)]));
}

/** Adds the next rows. */
export function addMembers() {
  const body = at("archive-members");
  const { members } = opened;
  body.append(...members.slice(body.rows.length, body.rows.length + ROWS).map(rowOf));
  const remaining = members.length - body.rows.length;
  at("archive-more").hidden = remaining === 0;
  at("archive-more").textContent = texts.moreRows(Math.min(remaining, ROWS), members.length.toLocaleString("en"));
}

function rowOf({ name, kind, size, target }) {
  const row = document.createElement("tr");
  const shown = format.printable(name);
  const cell = element("td", kind === "link" ? texts.linkTo(shown, format.printable(target)) : shown);
  const action = element("td", "", { className: "nowrap" });
  if (kind === "file") {
    const button = element("button", texts.save, { type: "button", className: "plain", ariaLabel: texts.saveAs(shown) });
    button.dataset.member = name;
    action.append(button);
  }
  row.append(cell, element("td", kind === "file" ? format.size(size) : "", { className: "number" }), action);
  return row;
}

/** Reads a member and saves it under the last part of its name. Throws a `Failure`. */
export async function saveMember(name) {
  const blob = await asked(opened, { read: name });
  forget();
  // Without a type the browser looks into it, and adds an extension to the name.
  saved = URL.createObjectURL(blob.slice(0, blob.size, "application/octet-stream"));
  element("a", "", { href: saved, download: name.split("/").at(-1) }).click();
}

function forget() {
  if (saved) URL.revokeObjectURL(saved);
  saved = undefined;
}

/** Asks the thread. */
function asked(archive, question) {
  const { port1, port2 } = new MessageChannel();
  archive.worker.postMessage(question, [port2]);
  return new Promise((resolve, reject) => {
    archive.failed = reject;
    port1.onmessage = ({ data: { result, failure } }) => (failure ? reject(new Failure(failure.code, failure.detail)) : resolve(result));
  });
}
