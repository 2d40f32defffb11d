// A site for saves: a browser uploads a zip, recompress converts and stores it while it arrives, and a page shows the members.
//
// The bytes only pass through this Worker. Add your own login in front, and keep the ids of each user in your own database.

import { ArchiveError, Archives } from "../../src/client/archives.js";

/** Seconds for which a save is kept. */
const KEPT = 90 * 24 * 3600;

const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": "default-src 'none'; script-src 'self'; connect-src 'self'",
};

export default {
  async fetch(request, env) {
    // The token is a secret of both Workers: `npx wrangler secret put RECOMPRESS_TOKEN`.
    const archives = new Archives("http://recompress", { token: env.RECOMPRESS_TOKEN, fetch: (...call) => env.RECOMPRESS.fetch(...call) });
    try {
      return await answer(request, archives);
    } catch (error) {
      if (!(error instanceof ArchiveError)) throw error;
      // `code` is for programs, `detail` for people.
      return Response.json({ code: error.code, detail: error.detail }, { status: error.status });
    }
  },
};

async function answer(request, archives) {
  const [route, id, ...name] = new URL(request.url).pathname.slice(1).split("/");
  switch (`${request.method} ${route}`) {
    case "GET ":
      return new Response(UPLOAD, { headers: HEADERS });
    case "GET upload.js":
      return new Response(SCRIPT, { headers: { "content-type": "text/javascript" } });
    case "POST saves": {
      const record = await archives.put(undefined, request.body, { quality: "auto", expires: KEPT, name: request.headers.get("x-name") ?? "save.zip" });
      return Response.json({ id: record.id, bytes: record.bytes }, { status: 201 });
    }
    case "GET saves":
      // Untouched: a body that is rebuilt loses its Content-Encoding.
      if (name.length) return archives.read(id, name.map(decodeURIComponent).join("/"));
      return new Response(list(await archives.record(id)), { headers: HEADERS });
    default:
      return new Response("There is no such page.", { status: 404 });
  }
}

const escape = (text) => text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);

const UPLOAD = `<!doctype html><html lang="en"><title>Saves</title><script type="module" src="/upload.js"></script>
<h1>Keep a save</h1><p><input type="file" id="file" accept=".zip"></p><p role="status" id="status"></p></html>`;

const SCRIPT = `file.onchange = async () => {
  const [save] = file.files;
  document.getElementById("status").textContent = "Sending " + save.name;
  const answer = await fetch("/saves", { method: "POST", body: save, headers: { "x-name": encodeURIComponent(save.name) } });
  const { id, detail } = await answer.json();
  if (answer.ok) location = "/saves/" + id;
  else document.getElementById("status").textContent = detail;
};`;

function list({ id, name, zip_bytes, bytes, contents }) {
  const path = (name) => `/saves/${id}/${name.split("/").map(encodeURIComponent).join("/")}`;
  const rows = (contents ?? []).map(({ name, size }) => `<li><a href="${escape(path(name))}">${escape(name)}</a>, ${size} bytes`);
  return `<!doctype html><html lang="en"><title>Saves</title><h1>${escape(decodeURIComponent(name))}</h1>
<p>${zip_bytes} bytes became ${bytes}.</p><ul>${rows.join("")}</ul></html>`;
}
