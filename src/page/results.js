// The finished conversions: the newest in detail, all of them in a table. A result stays until it is removed or the page closes.

import * as format from "./format.js";
import { element } from "./members.js";
import { query } from "./server.js";
import { texts } from "./texts.js";

const at = (id) => document.getElementById(id);

const results = [];

/** The result that is shown in detail. */
let shown;

/** Adds a result to the table. */
export function addResult(result) {
  result.name = format.resultName(result.file.name, result.isJson ? "json" : "tar.br");
  result.url = URL.createObjectURL(result.blob);
  results.push(result);
  at("results-rows").append(row(result));
  told();
}

function row(result) {
  const { file, blob, quality, place, name, url, isJson } = result;
  const row = document.createElement("tr");
  const save = element("a", texts.save, { href: url, download: name, ariaLabel: texts.saveAs(name) });
  const remove = element("button", "\u00d7", { type: "button", className: "plain", ariaLabel: texts.removeResult(name), title: texts.remove });
  remove.onclick = () => {
    results.splice(results.indexOf(result), 1);
    row.remove();
    release(result);
    if (shown === result) at("done").hidden = true;
    told();
    at("results-title").focus();
  };
  const zip = element("td", format.printable(file.name));
  zip.append(element("small", isJson ? texts.jsonAndPlace(placeOf(place)) : texts.qualityAndPlace(quality, placeOf(place))));
  const size = element("td", "", { className: "number" });
  size.append(element("span", format.size(blob.size)));
  if (!isJson) size.append(bar(file.size, blob.size), element("small", format.gain(file.size, blob.size)));
  const actions = element("td", "", { className: "nowrap" });
  actions.append(save, remove);
  row.append(zip, size, actions);
  return row;
}

/** One bar inside another: the result inside the zip, or the zip inside a result that is larger. */
function bar(before, after) {
  const outer = element("div", "", { className: "bar", role: "img", ariaLabel: texts.bar(format.size(after), format.size(before)) });
  const inner = document.createElement("div");
  inner.style.width = `${Math.min(100, (100 * after) / Math.max(before, 1)).toFixed(1)}%`;
  outer.append(inner);
  return outer;
}

const placeOf = (place) => (place === "server" ? texts.placeServer : texts.placeBrowser);

function told() {
  at("results").hidden = results.length < 2;
  at("save-all").hidden = results.length < 2;
}

/** Shows the newest result in detail. `options` are the options that were asked for, `seconds` the time it took. */
export function describeNewest(options, seconds) {
  shown = results.at(-1);
  const { file, blob, sha256, quality, lgwin, place, name, url, isJson } = shown;
  Object.assign(at("save"), { href: url, download: name, ariaLabel: texts.saveAs(name) });
  at("save-name").textContent = name;
  at("compared").hidden = at("result-facts").hidden = at("result-opening").hidden = isJson === true;
  if (isJson) {
    at("done-title").textContent = texts.jsonReady;
    at("sizes").textContent = texts.becameJson(format.size(file.size), format.size(blob.size), placeOf(place), format.time(seconds));
    return;
  }
  at("done-title").textContent = format.gain(file.size, blob.size);
  at("compared").replaceChildren(bar(file.size, blob.size));
  at("sizes").textContent = texts.became(format.size(file.size), format.size(blob.size), placeOf(place), format.time(seconds), quality, format.power(lgwin));
  at("sha256").textContent = sha256 ?? texts.noDigest;
  at("curl").textContent = command(file.name, options);
  at("unpack").textContent = `brotli -dc ${format.quoted(name)} | tar -x`;
}

/** The same conversion by curl. */
function command(name, options) {
  // curl expands braces and brackets to several files, unless it is told not to.
  const glob = /[[\]{}]/.test(name) ? "-g " : "";
  return `curl --fail-with-body -OJ ${glob}-T ${format.quoted(name)} ${format.quoted(`${location.origin}/?${query(options)}`)}`;
}

/** Saves every result. Browsers ask once before they save several files. */
export function saveAll() {
  for (const { name, url } of results) element("a", "", { href: url, download: name }).click();
}

/** Gives back the memory and the files of all results. */
export function releaseAll() {
  for (const result of results.splice(0)) release(result);
}

function release({ url, release }) {
  URL.revokeObjectURL(url);
  release?.();
}
