// The page: zips are chosen, previewed, converted one after the other on the server or in this browser, and saved.

import { addMembers, announceArchive, closeArchive, isArchive, openArchive, saveMember, tell } from "./archive.js";
import { readDirectory, startProblem } from "./directory.js";
import { Failure } from "./failure.js";
import * as format from "./format.js";
import { chosenFolder, droppedFiles } from "./gather.js";
import { addRows, element, listMembers, selectAll, selection } from "./members.js";
import { choosePlace, fetchEstimate } from "./plan.js";
import { addResult, describeNewest, releaseAll, saveAll } from "./results.js";
import { STUCK, convertOnServer } from "./server.js";
import { texts } from "./texts.js";

/** Milliseconds that a slider must rest before its cost is asked for. */
const REST_MS = 120;

/** Milliseconds, and the part of a zip, before a prediction of the time left is worth showing. */
const FORETELL_MS = 1000;
const FORETELL_PART = 0.02;

const at = (id) => document.getElementById(id);
const PANELS = ["choose", "archive", "zip", "running", "done", "failed"];

/** The chosen zips, each `{ file, contents, note }`; `contents` is undefined until it was read. */
let zips = [];

/** The place that the user chose, if any. */
let chosenPlace;

/** The conversion at work: `{ stop, file, started, seen }`. */
let running;

/** Settles when the newest plan is made. */
let planning;

/** The conversion that "Try again" repeats. */
let again = convert;

/** The token for the server, if it asked for one. */
let token;

function show(...panels) {
  for (const panel of PANELS) at(panel).hidden = !panels.includes(panel);
}

function say(text) {
  at("status").textContent = text;
}

const capital = (text) => text.replace(/^./u, (first) => first.toUpperCase());
const isRefused = ({ contents }) => contents.isCertain || contents.problems.length > 0;

// ---- Choosing

async function choose({ files, isFolder = false }) {
  if (running || !files.length) return;
  const wanted = isFolder ? await zipsOf(files) : files;
  if (running) return;
  if (!wanted.length) return say(texts.noZips);
  if (wanted.length === 1 && (await isArchive(wanted[0]))) return look(wanted[0]);
  closeArchive();
  zips = wanted.map((file) => ({ file }));
  chosenPlace = undefined;
  const mine = zips;
  announce();
  say(texts.reading);
  for (const zip of zips) {
    zip.contents = await preview(zip.file);
    if (zips !== mine) return; // others were chosen meanwhile
    queue();
  }
  lookForSave();
  describe();
  await plan();
  if (zips !== mine) return;
  at("convert").hidden = zips.every(isRefused);
  at("other").className = at("convert").hidden ? "primary" : "plain";
  at("more-options").hidden = at("convert").hidden;
  show("zip");
  say(outlook());
  at("zip-name").focus();
}

/** Opens a stored archive. */
async function look(file) {
  zips = [];
  announceArchive(file);
  show("archive");
  say(texts.reading);
  const name = format.printable(file.name);
  try {
    await openArchive(file);
    say(texts.archiveReady(name));
  } catch (failure) {
    if (failure.name === "AbortError") return; // another file was chosen
    tell(texts.archiveRefused(failure.message));
    say("");
  }
  at("archive-name").focus();
}

/** Saves a member of the open archive. */
async function take(member) {
  const name = format.printable(member);
  tell();
  say(texts.readingMember(name));
  try {
    await saveMember(member);
    say(texts.memberSaved(name));
  } catch (failure) {
    if (failure.name === "AbortError") return;
    tell(texts.memberRefused(name, failure.message));
    say("");
  }
}

async function zipsOf(files) {
  const starts = await Promise.all(files.map((file) => startProblem(file).catch(() => texts.unreadable)));
  return files.filter((_, i) => starts[i] === undefined);
}

async function preview(file) {
  try {
    return await readDirectory(file);
  } catch {
    return { members: [], count: 0, unpacked: 0, problems: [], broken: texts.unreadable, isCertain: true };
  }
}

/**
 * Loads the converter of this browser while there is a network, so that it works without one later. A single zip then shows
 * what it says about itself if it is a save.
 */
async function lookForSave() {
  const [mine, [{ file, contents }]] = [zips, zips];
  try {
    const [{ prepare }, save] = await Promise.all([import("./local.js"), import("./save.js")]);
    prepare();
    const found = mine.length === 1 ? await save.lookForSave(file) : undefined;
    if (zips !== mine) return;
    save.showSave(found);
    const isPlain = found?.form === "text" && contents.isCertain && (await save.isPlain(file));
    if (zips !== mine) return;
    at("to-json").hidden = found?.form !== "text" || (isRefused(zips[0]) && !isPlain);
    if (isPlain) at("problems").replaceChildren(element("li", texts.onlyJson));
  } catch {} // there is no network: the page works without it
}

/** Shows the names while the zips are read. */
function announce() {
  at("zip-name").textContent = zips.length === 1 ? format.printable(zips[0].file.name) : format.plural(zips.length, texts.nZips);
  at("contents").textContent = format.size(zips.reduce((sum, { file }) => sum + file.size, 0));
  at("problems").hidden = at("convert").hidden = at("more-options").hidden = at("about").hidden = at("to-json").hidden = true;
  at("reason").textContent = "";
  listMembers(undefined);
  queue();
  show("zip");
}

/** One zip in detail; of several, the queue has a line for each. */
function describe() {
  if (zips.length > 1) return;
  const [{ file, contents }] = zips;
  const { count, unpacked, problems, broken, isCertain } = contents;
  const parts = [format.size(file.size)];
  if (!broken) parts.push(format.plural(count, texts.nMembers), texts.unpacked(format.size(unpacked)));
  at("contents").textContent = parts.join(" · ");
  const refusals = problems.map((problem) => texts.cannot(reasonOf(problem)));
  if (broken) refusals.unshift((isCertain ? texts.cannot : texts.perhaps)(broken));
  at("problems").replaceChildren(...refusals.map((text) => element("li", text)));
  at("problems").hidden = refusals.length === 0;
  listMembers(broken ? undefined : contents);
}

const reasonOf = ({ text, more }) => (more ? texts.andMore(text, format.plural(more, texts.nOthers)) : text);

function queue() {
  at("queue").hidden = zips.length < 2;
  if (zips.length < 2) return;
  at("queue").replaceChildren(
    ...zips.map((zip) => {
      const line = element("li", "");
      line.append(element("span", format.printable(zip.file.name)), element("span", format.size(zip.file.size), { className: "quiet" }), element("span", noteOf(zip), { className: "quiet" }));
      return line;
    }),
  );
}

function noteOf({ contents, note }) {
  if (note) return note;
  if (!contents) return "…";
  if (contents.isCertain) return texts.skipped(contents.broken);
  return contents.problems.length ? texts.skipped(reasonOf(contents.problems[0])) : texts.waiting;
}

function outlook() {
  const good = zips.filter((zip) => !isRefused(zip)).length;
  if (zips.length > 1) return texts.readyMany(format.plural(good, texts.nZips));
  return (good ? texts.ready : texts.refusedBefore)(format.printable(zips[0].file.name));
}

// ---- The options

/** The options of the sliders, as the service and the package take them. */
function compression() {
  if (at("auto").checked) return { quality: "auto" };
  return { quality: at("quality").valueAsNumber, lgwin: at("lgwin").valueAsNumber };
}

/** Shows the cost of the options and the place where they run. A slider that moves must rest first. */
function plan(wait = 0) {
  if (!at("auto").checked) tellSliders();
  const made = (async () => {
    await new Promise((rested) => setTimeout(rested, wait));
    const good = zips.find((zip) => zip.contents && !isRefused(zip));
    if (made !== planning || !good) return;
    const options = compression();
    const estimate = await fetchEstimate(good.file, good.contents, options);
    if (made === planning) settle(estimate, options, good);
  })();
  planning = made;
  return made;
}

function tellSliders() {
  const window = format.power(at("lgwin").valueAsNumber);
  at("quality-is").textContent = at("quality").value;
  at("lgwin-is").textContent = window;
  at("lgwin").ariaValueText = `${at("lgwin").value}: ${window}`;
}

function settle(estimate, options, { file, contents }) {
  if (at("auto").checked) for (const id of ["quality", "lgwin"]) at(id).value = estimate?.[id] ?? at(id).value;
  tellSliders();
  const { output_bytes_lowest: lowest, output_bytes_highest: highest, cpu_ms: ms, memory_bytes: memory } = estimate ?? {};
  const isKnown = zips.length === 1 && ms !== undefined && !contents.broken;
  const sizes = [memory, lowest, highest].map(format.size);
  at("cost").textContent = isKnown ? `${capital(texts.estimate(format.about(ms / 1000), ...sizes))}.` : "";
  const { place, reason, server } = choosePlace(estimate, options, file, contents);
  const [onServer, here] = document.querySelectorAll("[name=place]");
  onServer.disabled = zips.length === 1 && !server;
  const wanted = chosenPlace && !(chosenPlace === "server" && onServer.disabled) ? chosenPlace : place;
  (wanted === "server" ? onServer : here).checked = true;
  const where = wanted === "server" ? texts.onServer : texts.inBrowser;
  at("reason").textContent = zips.length > 1 ? "" : `${where}. ${wanted === place ? reason : ""}`.trim();
  at("convert").textContent = zips.length > 1 ? texts.convertMany(format.plural(zips.filter((zip) => !isRefused(zip)).length, texts.nZips)) : texts.convert;
}

/** The place for one zip of several: the user's choice if it is possible, otherwise the plan's. */
async function placeFor({ file, contents }, options) {
  if (zips.length === 1) return document.querySelector("[name=place]:checked").value;
  if (chosenPlace === "browser") return "browser";
  return choosePlace(await fetchEstimate(file, contents, options), options, file, contents).place;
}

// ---- Conversions

async function convert() {
  again = convert;
  at("done").hidden = at("failed").hidden = true;
  const chosen = zips;
  await planning;
  if (running || zips !== chosen) return; // a click does not start zips that were chosen after it
  let options;
  try {
    options = { ...compression(), ...(zips.length === 1 ? selection() : {}) };
  } catch (reason) {
    return say(reason); // a selection that cannot be made
  }
  const wanted = zips.filter((zip) => !isRefused(zip));
  const done = [];
  for (const [i, zip] of wanted.entries()) {
    const title = wanted.length > 1 ? texts.convertingNth(format.printable(zip.file.name), i + 1, wanted.length) : texts.converting(format.printable(zip.file.name));
    try {
      const outcome = await convertOne(zip, options, title);
      done.push(outcome);
      zip.note = format.gain(zip.file.size, outcome.blob.size);
    } catch (failure) {
      if (failure === CANCELLED) return cancelled();
      if (wanted.length === 1 || failure.code === "unauthorized") return failed(failure);
      zip.note = texts.failedInQueue(failure.title);
    }
    queue();
  }
  finished(done, options);
}

async function convertToJson() {
  again = convertToJson;
  at("done").hidden = at("failed").hidden = true;
  if (running) return;
  const options = { isJson: true };
  try {
    const outcome = await convertOne(zips[0], options, texts.convertingToJson(format.printable(zips[0].file.name)), "browser");
    finished([outcome], options);
  } catch (failure) {
    if (failure === CANCELLED) return cancelled();
    failed(failure);
  }
}

/** The reason of a cancelled conversion. */
const CANCELLED = new DOMException("cancelled", "AbortError");

/** Converts one zip and adds its result. Throws a `Failure`, or `CANCELLED`. */
async function convertOne(zip, options, title, place) {
  const stop = new AbortController();
  running = { stop, file: zip.file, started: performance.now(), seen: { in: 0, out: 0 } };
  let ticking;
  try {
    place ??= await placeFor(zip, options);
    open(title, place);
    ticking = setInterval(progress, 100);
    const settings = {
      signal: stop.signal,
      token,
      progress(seen) {
        if (!running) return;
        if (place === "server" && seen.in === zip.file.size && running.seen.in < zip.file.size) say(texts.allSent);
        running.seen = { ...seen };
      },
    };
    const act = place === "server" ? convertOnServer : (await loadLocal()).convertHere;
    const outcome = await act(zip.file, options, settings);
    const seconds = (performance.now() - running.started) / 1000;
    addResult({ ...outcome, file: zip.file, place, isJson: options.isJson });
    return { ...outcome, file: zip.file, seconds };
  } catch (failure) {
    if (stop.signal.aborted) throw CANCELLED;
    // An upload that got stuck goes on in this browser, and so does a queue when the server fails for its own reasons.
    const goesOn = failure.code === STUCK || (zips.length > 1 && place === "server" && !failure.isFinal && failure.code !== "unauthorized");
    if (goesOn) return await convertOne(zip, options, title, "browser");
    throw failure instanceof Failure ? Object.assign(failure, { place }) : new Failure("browser", texts.browser.detail(String(failure)));
  } finally {
    clearInterval(ticking);
    running = undefined;
    document.title = TITLE;
  }
}

const TITLE = document.title;

async function loadLocal() {
  try {
    return await import("./local.js");
  } catch {
    throw new Failure("load", texts.load.detail);
  }
}

function open(title, place) {
  at("in-is").textContent = place === "server" ? texts.sent : texts.read;
  at("out-is").textContent = place === "server" ? texts.received : texts.written;
  at("running-title").textContent = title;
  show("running");
  say(place === "server" ? texts.nowOnServer : texts.nowInBrowser);
  at("running-title").focus();
  progress();
}

/** Bytes in and bytes out; only the time left is a prediction. By the contents where the directory has their sizes, else by the zip. */
function progress() {
  if (!running) return;
  const { seen, started, file } = running;
  const part = seen.part ?? (file.size ? seen.in / file.size : 1);
  const elapsed = performance.now() - started;
  const percent = texts.percent(Math.floor(100 * part));
  at("bar").value = part;
  at("in").textContent = `${texts.of(format.size(seen.in), format.size(file.size))} (${percent})`;
  at("out").textContent = format.size(seen.out);
  at("ratio").textContent = seen.in && seen.out ? format.change(seen.in, seen.out) : "–";
  at("time").textContent = format.time(elapsed / 1000);
  const isKnown = elapsed > FORETELL_MS && part > FORETELL_PART && part < 1;
  at("left").textContent = isKnown ? format.about((elapsed * (1 - part)) / part / 1000) : "–";
  document.title = `${percent} · ${TITLE}`;
}

function cancelled() {
  queue();
  show("zip");
  say(texts.cancelled);
  at(again === convert ? "convert" : "to-json").focus();
}

function finished(done, options) {
  const sum = (of) => format.size(done.reduce((sum, result) => sum + of(result), 0));
  const [before, after] = [sum(({ file }) => file.size), sum(({ blob }) => blob.size)];
  if (zips.length > 1) {
    show("zip");
    say(texts.doneMany(format.plural(done.length, texts.nZips), before, after));
    return at(done.length > 1 ? "results-title" : "zip-name").focus();
  }
  describeNewest(options, done[0].seconds);
  show("zip", "done");
  offerToKeep(done[0].file, options);
  say(texts.done(before, after));
  at("done-title").focus();
}

/** Where the site stores archives. Without a network, or for a save's JSON, there is nothing to offer. */
async function offerToKeep(file, options) {
  at("keep").hidden = true;
  if (options.isJson) return;
  try {
    (await import("./keep.js")).offer(file, options, token, say);
  } catch {}
}

function failed({ title, message, code, isFinal, place }) {
  at("failed-title").textContent = capital(title);
  at("detail").textContent = message;
  at("code").textContent = code;
  const needsToken = code === "unauthorized";
  at("token-field").hidden = !needsToken;
  // A server that fails for its own reasons is not asked again: this browser can do the same.
  const goesHere = place === "server" && !isFinal && !needsToken;
  if (goesHere) chosenPlace = "browser";
  at("retry").hidden = isFinal;
  at("retry").textContent = goesHere ? texts.retryHere : texts.retry;
  show("zip", "failed");
  plan();
  say(texts.failedStatus(capital(title)));
  at(needsToken ? "token" : "failed-title").focus();
}

// ---- What people do

at("browse").onclick = at("other").onclick = at("archive-other").onclick = () => at("file").click();
at("browse-folder").onclick = () => at("folder").click();
for (const [id, chosen] of [["file", (list) => ({ files: [...list] })], ["folder", chosenFolder]]) {
  at(id).onchange = ({ target }) => {
    choose(chosen(target.files));
    target.value = ""; // so that the same file can be chosen again
  };
}
at("to-json").onclick = convertToJson;
at("more").onclick = addRows;
at("archive-more").onclick = addMembers;
at("archive-members").onclick = ({ target }) => target.dataset.member !== undefined && take(target.dataset.member);
at("reset").onclick = selectAll;
at("save-all").onclick = saveAll;
const cancel = () => running?.stop.abort(CANCELLED);
at("cancel").onclick = cancel;
addEventListener("keydown", ({ key }) => key === "Escape" && cancel());
at("zip").onsubmit = (event) => {
  event.preventDefault();
  if (!at("convert").hidden) convert();
};
at("failed").onsubmit = (event) => {
  event.preventDefault();
  token = at("token").value.trim() || token;
  again();
};
at("zip").oninput = ({ target }) => {
  if (target.name === "place") chosenPlace = target.value;
  else if (target.id === "quality" || target.id === "lgwin") at("auto").checked = false;
  else if (target.id !== "auto") return;
  plan(REST_MS);
};
for (const button of document.querySelectorAll("[data-copy]")) {
  button.ariaLabel = texts.copyIt(button.closest("div").querySelector("dt").textContent);
  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(at(button.dataset.copy).textContent);
      say(texts.copied);
    } catch {
      getSelection().selectAllChildren(at(button.dataset.copy));
      say(texts.copySelected);
    }
  };
}

const over = (is) => document.body.classList.toggle("over", is);
addEventListener("dragover", (event) => {
  event.preventDefault();
  over(!running);
});
addEventListener("dragleave", ({ relatedTarget }) => relatedTarget || over(false));
addEventListener("drop", async (event) => {
  event.preventDefault();
  over(false);
  try {
    choose(await droppedFiles(event.dataTransfer));
  } catch {
    say(capital(texts.unreadable)); // a folder that may not be read
  }
});
addEventListener("paste", ({ clipboardData }) => choose({ files: [...clipboardData.files] }));
addEventListener("pagehide", ({ persisted }) => {
  if (persisted) return;
  releaseAll();
  closeArchive();
});
addEventListener("beforeunload", (event) => running && event.preventDefault());

for (const shown of document.querySelectorAll("[data-text]")) shown.textContent = texts[shown.dataset.text];
document.querySelector("main").hidden = false;
