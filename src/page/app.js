// The page: a zip is chosen, looked into, converted here or on the edge, and saved.

import { LISTED, readDirectory } from "./directory.js";
import { STUCK, convertOnEdge } from "./edge.js";
import { Failure } from "./failure.js";
import { choosePlace, fetchEstimate } from "./plan.js";
import * as words from "./format.js";

/** Milliseconds for which a slider stays before its cost is asked for. */
const REST_MS = 120;

/** Rows of the list of members that are added at once. */
const ROWS = 200;

const at = (id) => document.getElementById(id);
const PANELS = ["choose", "zip", "options", "running", "done", "failed"];

/** What is chosen now: the file, what is in it, where it was chosen to run, and what runs or has run. */
let zip;
let contents;
let chosenPlace;
let running;
let finished;

/** Settles when the newest plan is made. */
let planning;

/** Whether a slider was moved; until then they stand where the service would put them. */
let moved = false;

function show(...panels) {
  for (const panel of PANELS) at(panel).hidden = !panels.includes(panel);
}

function say(text) {
  at("status").textContent = text;
}

// ---- The zip

async function choose(file) {
  if (running || !file) return;
  forget();
  zip = file;
  chosenPlace = undefined;
  at("zip-name").textContent = file.name;
  at("contents").textContent = words.size(file.size);
  at("problems").hidden = at("listing").hidden = true;
  show("zip");
  say("Reading what is in it…");
  contents = undefined;
  let found;
  try {
    found = await readDirectory(file);
  } catch {
    found = { members: [], count: 0, unpacked: 0, problems: [], broken: "the file cannot be read" };
  }
  if (zip !== file) return; // another was chosen meanwhile
  contents = found;
  describe(file, found);
  if (!moved) {
    const usual = await fetchEstimate(file, found);
    if (zip !== file) return;
    for (const id of ["quality", "lgwin"]) at(id).value = usual?.[id] ?? at(id).value;
  }
  await plan();
  if (zip !== file) return;
  show("zip", "options");
  say(found.broken || found.problems.length ? `${file.name} will be refused.` : `${file.name} is ready to convert.`);
  at("zip-name").focus();
}

function describe(file, { count, unpacked, problems, broken, members }) {
  const parts = [words.size(file.size)];
  if (!broken) parts.push(words.plural(count, "member"), `${words.size(unpacked)} unpacked`);
  at("contents").textContent = parts.join(" · ");

  const refusals = problems.map(({ text, more }) => (more ? `${text}, and ${words.plural(more, "other")}` : text));
  if (broken) refusals.unshift(broken);
  at("problems").replaceChildren(...refusals.map((text) => element("li", `This will be refused: ${text}.`)));
  at("problems").hidden = refusals.length === 0;

  at("members").replaceChildren();
  at("listing").open = false;
  at("listing").hidden = members.length === 0;
  list();
}

/** Adds the next rows to the list. */
function list() {
  const body = at("members");
  const next = contents.members.slice(body.rows.length, body.rows.length + ROWS);
  const number = (bytes) => Object.assign(element("td", words.size(bytes)), { className: "number" });
  for (const { name, size, packed } of next) {
    const row = document.createElement("tr");
    row.append(element("td", printable(name)), number(size), number(packed));
    body.append(row);
  }
  const left = contents.members.length - body.rows.length;
  at("more").hidden = left === 0 && contents.count <= LISTED;
  at("more").disabled = left === 0;
  at("more").textContent = left ? `${Math.min(left, ROWS)} more of ${contents.count.toLocaleString("en")}` : `The first ${LISTED.toLocaleString("en")} are listed`;
}

/** Names come from strangers: what would not be seen, or would turn the text around, is shown as what it is. */
function printable(name) {
  return name.replace(/[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, (c) => `\\u${c.codePointAt(0).toString(16).padStart(4, "0")}`);
}

function element(kind, text) {
  return Object.assign(document.createElement(kind), { textContent: text });
}

// ---- The options

function choice() {
  return { quality: at("quality").valueAsNumber, lgwin: at("lgwin").valueAsNumber };
}

/** Shows what the options cost, and where they can run. A slider on its way is let come to rest before that is asked. */
function plan(wait = 0) {
  const { quality, lgwin } = choice();
  const window = words.power(lgwin);
  at("quality-is").textContent = quality;
  at("lgwin-is").textContent = window;
  at("lgwin").ariaValueText = `${lgwin}: ${window}`;
  const made = (async () => {
    await new Promise((rested) => setTimeout(rested, wait));
    if (made !== planning || !contents) return;
    const [file, options] = [zip, choice()];
    const estimate = await fetchEstimate(file, contents, options);
    if (made === planning && file === zip) settle(estimate, options);
  })();
  planning = made;
  return made;
}

function settle(estimate, options) {
  const { output_bytes: bytes, cpu_ms: ms, memory_bytes: memory } = estimate ?? {};
  const foretold = ms === undefined || contents.broken ? [] : [`${words.about(ms / 1000)} of computing`, `up to ${words.size(memory)} of memory`, `a result of some ${words.size(bytes)}`];
  at("cost").textContent = foretold.join(" · ");
  const { place, reason, edge } = choosePlace(estimate, options, zip, contents);
  const [onEdge, here] = document.querySelectorAll("[name=place]");
  onEdge.disabled = !edge;
  const wanted = edge && chosenPlace ? chosenPlace : place;
  (wanted === "edge" ? onEdge : here).checked = true;
  at("reason").textContent = wanted === place ? reason : "";
}

// ---- The conversion

async function convert() {
  await planning;
  if (running) return;
  const place = document.querySelector("[name=place]:checked").value;
  forget();
  const stop = new AbortController();
  running = { stop, place, started: performance.now(), seen: { in: 0, out: 0 } };
  at("in-is").textContent = place === "edge" ? "Sent" : "Read";
  at("out-is").textContent = place === "edge" ? "Received" : "Written";
  at("running-title").textContent = `Converting ${zip.name}`;
  show("running");
  say(place === "edge" ? "Converting on the edge." : "Converting in this browser.");
  at("running-title").focus();
  const ticking = setInterval(progress, 100);
  progress();
  try {
    const settings = {
      signal: stop.signal,
      progress(seen) {
        if (!running) return;
        if (place === "edge" && seen.in === zip.size && running.seen.in < zip.size) say("All is sent; the edge converts it.");
        running.seen = { ...seen };
      },
    };
    const act = place === "edge" ? convertOnEdge : (await import("./local.js")).convertHere;
    finished = await act(zip, choice(), settings);
    const seconds = (performance.now() - running.started) / 1000;
    running = undefined;
    done(place, seconds);
  } catch (failure) {
    running = undefined;
    if (stop.signal.aborted) return cancelled();
    if (failure.code === STUCK) return convertHereInstead();
    failed(failure instanceof Failure ? failure : new Failure("browser", String(failure)), place);
  } finally {
    clearInterval(ticking);
  }
}

/** What got stuck on its way to the edge is done here. */
async function convertHereInstead() {
  chosenPlace = "browser";
  await plan();
  await convert();
}

/** Bytes in and bytes out: nothing here is a guess. */
function progress() {
  if (!running) return;
  const { seen, started } = running;
  at("bar").value = zip.size ? seen.in / zip.size : 1;
  at("in").textContent = `${words.size(seen.in)} of ${words.size(zip.size)}`;
  at("out").textContent = words.size(seen.out);
  at("ratio").textContent = seen.in && seen.out ? `${((100 * seen.out) / seen.in).toFixed(0)} %` : "–";
  at("time").textContent = words.time((performance.now() - started) / 1000);
}

function cancelled() {
  show("zip", "options");
  say("Cancelled.");
  at("convert").focus();
}

function done(place, seconds) {
  const { blob, sha256, quality, lgwin } = finished;
  const name = words.resultName(zip.name);
  finished.url = URL.createObjectURL(blob);
  Object.assign(at("save"), { href: finished.url, download: name, textContent: `Save ${name}` });
  at("done-title").textContent = words.change(zip.size, blob.size).replace(/^./, (first) => first.toUpperCase());
  const where = place === "edge" ? "on the edge" : "in this browser";
  at("sizes").textContent = `${words.size(zip.size)} became ${words.size(blob.size)}, ${where}, in ${words.time(seconds)}, at quality ${quality} with a window of ${words.power(lgwin)}.`;
  at("sha256").textContent = sha256 ?? "browsers reckon it on https pages only";
  const asked = choice();
  // Braces and brackets mean several files to curl, unless it is told otherwise.
  const glob = /[[\]{}]/.test(zip.name) ? "-g " : "";
  at("curl").textContent = `curl -f ${glob}-T ${words.quoted(zip.name)} ${words.quoted(`${location.origin}/?quality=${asked.quality}&lgwin=${asked.lgwin}`)} -o ${words.quoted(name)}`;
  at("unpack").textContent = `brotli -dc ${words.quoted(name)} | tar -x`;
  show("zip", "done");
  say(`Done: ${words.size(zip.size)} became ${words.size(blob.size)}.`);
  at("done-title").focus();
}

function failed(failure, place) {
  at("failed-title").textContent = failure.title.replace(/^./, (first) => first.toUpperCase());
  at("detail").textContent = failure.message;
  at("code").textContent = failure.code;
  // What breaks off on the edge is explained here, and what it does not take now is done here.
  if (place === "edge" && !failure.isFinal) chosenPlace = "browser";
  at("retry").textContent = chosenPlace === "browser" && place === "edge" ? "Try in this browser" : "Try again";
  show("zip", "failed");
  plan();
  say(`Refused: ${failure.code}.`);
  at("failed-title").focus();
}

/** Gives back what a result takes. */
function forget() {
  if (!finished) return;
  URL.revokeObjectURL(finished.url);
  finished.release?.();
  finished = undefined;
}

// ---- What people do

at("browse").onclick = at("other").onclick = () => at("file").click();
at("file").onchange = ({ target }) => {
  choose(target.files[0]);
  target.value = ""; // so that the same file can be chosen again
};
at("more").onclick = list;
at("cancel").onclick = () => running?.stop.abort(new DOMException("cancelled", "AbortError"));
at("retry").onclick = () => at("options").requestSubmit();
for (const button of document.querySelectorAll("[data-options]")) {
  button.onclick = () => {
    show("zip", "options");
    say("");
    at("quality").focus();
  };
}
at("options").onsubmit = (event) => {
  event.preventDefault();
  if (zip && !running) convert();
};
at("options").oninput = ({ target }) => {
  if (target.name === "place") chosenPlace = target.value;
  else moved = true;
  plan(REST_MS);
};
for (const button of document.querySelectorAll("[data-copy]")) {
  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(at(button.dataset.copy).textContent);
      say("Copied.");
    } catch {
      getSelection().selectAllChildren(at(button.dataset.copy));
      say("Selected: copy it with the keyboard.");
    }
  };
}

const over = (is) => document.body.classList.toggle("over", is);
addEventListener("dragover", (event) => {
  event.preventDefault();
  over(!running);
});
addEventListener("dragleave", ({ relatedTarget }) => relatedTarget || over(false));
addEventListener("drop", (event) => {
  event.preventDefault();
  over(false);
  choose(event.dataTransfer.files[0]);
});
addEventListener("paste", ({ clipboardData }) => choose(clipboardData.files[0]));
addEventListener("pagehide", ({ persisted }) => persisted || forget());
addEventListener("beforeunload", (event) => running && event.preventDefault());
