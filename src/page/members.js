// The members of the chosen zip: a list with boxes, and the patterns that select the checked ones.

import { LISTED } from "./directory.js";
import * as format from "./format.js";
import { texts } from "./texts.js";

/** Rows that are added at once. */
const ROWS = 200;

/** Bytes of all patterns together that the service takes. */
const MOST_PATTERN_BYTES = 1024;

const at = (id) => document.getElementById(id);

let contents;
let left = new Set(); // names that are left out

export function element(kind, text, properties = {}) {
  return Object.assign(document.createElement(kind), { textContent: text }, properties);
}

/** Shows the members of a zip, all of them checked. `undefined` hides the list. */
export function listMembers(found) {
  contents = found;
  left = new Set();
  at("members").replaceChildren();
  at("listing").open = false;
  at("listing").hidden = !found?.members.length;
  if (!found) return;
  addRows();
  told();
}

/** Adds the next rows. */
export function addRows() {
  const body = at("members");
  const next = contents.members.slice(body.rows.length, body.rows.length + ROWS);
  const number = (bytes) => element("td", format.size(bytes), { className: "number" });
  for (const { name, size, packed } of next) {
    const row = document.createElement("tr");
    row.append(nameCell(name), number(size), number(packed));
    body.append(row);
  }
  const remaining = contents.members.length - body.rows.length;
  at("more").hidden = remaining === 0 && contents.count <= LISTED;
  at("more").disabled = remaining === 0;
  at("more").textContent = remaining
    ? texts.moreRows(Math.min(remaining, ROWS), contents.count.toLocaleString("en"))
    : texts.firstRows(LISTED.toLocaleString("en"));
}

/** A folder has no box: it comes with its files. Without all members in the list, none has. */
function nameCell(name) {
  const cell = element("td", "");
  const shown = element("span", format.printable(name));
  if (name.endsWith("/") || !canSelect()) {
    cell.append(shown);
    return cell;
  }
  const box = element("input", "", { type: "checkbox", checked: !left.has(name), ariaLabel: texts.include(format.printable(name)) });
  box.onchange = () => {
    if (box.checked) left.delete(name);
    else left.add(name);
    told();
  };
  const label = element("label", "", { className: "check" });
  label.append(box, shown);
  cell.append(label);
  return cell;
}

const canSelect = () => contents.count <= LISTED;

/** Checks every box again. */
export function selectAll() {
  left.clear();
  for (const box of at("members").querySelectorAll("input")) box.checked = true;
  told();
}

function told() {
  const all = contents.members.filter(({ name }) => !name.endsWith("/")).length;
  at("reset").hidden = left.size === 0;
  at("selection").hidden = !canSelect();
  at("selection").textContent = left.size ? texts.selected((all - left.size).toLocaleString("en"), all.toLocaleString("en")) : texts.membersHint;
}

/**
 * The patterns for the checked members: `include` or `exclude`, whichever is shorter, and nothing for all members. Throws a
 * text for people if the service would not take them.
 */
export function selection() {
  if (!left.size) return {};
  const names = contents.members.map(({ name }) => name).filter((name) => !name.endsWith("/"));
  const [included, excluded] = [names.filter((name) => !left.has(name)), [...left]];
  if (!included.length) throw texts.selectNone;
  const options = [["exclude", excluded.map(pattern)], ["include", included.map(pattern)]].toSorted(([, one], [, other]) => bytes(one) - bytes(other));
  const [[option, patterns]] = options;
  if (bytes(patterns) > MOST_PATTERN_BYTES) throw texts.selectTooMany;
  return { [option]: patterns };
}

/** A pattern that matches just this name, as it is in the tarball. */
function pattern(name) {
  const path = name.includes("/") ? name : name.replaceAll("\\", "/");
  const plain = path.split("/").filter((part) => part !== "" && part !== ".").join("/");
  return plain.replace(/[\\?*[\]{}]/g, "\\$&");
}

const bytes = (patterns) => patterns.reduce((sum, one) => sum + new TextEncoder().encode(one).length, 0);
