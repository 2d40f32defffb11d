// A backend that stores archives: PUT /saves/NAME.zip converts a zip while it arrives and stores the tarball in R2.
//
// Everything is a stream. This Worker holds one part of 5 MiB, however large the zip is. Add your own login in front.

/** Bytes of a part. R2 wants parts of one size, at least 5 MiB, and allows a smaller last one. */
const PART = 5 << 20;

const TYPE = "application/x-brotli-compressed-tar";

export default {
  async fetch(request, env, context) {
    const name = new URL(request.url).pathname.match(/^\/saves\/([\w.-]+)$/)?.[1];
    if (!name) return Response.json({ error: "the path is /saves/NAME" }, { status: 404 });
    const key = `saves/${name.replace(/\.zip$/, "")}.tar.br`;
    switch (request.method) {
      case "PUT": {
        const stored = put(request, env, key);
        // A client that leaves must not end this Worker before the upload to R2 is aborted.
        context.waitUntil(stored.catch(() => {}));
        return stored;
      }
      case "GET":
        return get(env, key);
      default:
        return new Response(null, { status: 405, headers: { Allow: "GET, PUT" } });
    }
  },
};

async function put(request, env, key) {
  const headers = {};
  // The length lets `auto` plan, and lets the service reserve less memory for a small zip.
  if (request.headers.has("content-length")) headers["content-length"] = request.headers.get("content-length");
  // A secret of both Workers, if the service wants one: `npx wrangler secret put RECOMPRESS_TOKEN`.
  if (env.RECOMPRESS_TOKEN) headers.authorization = `Bearer ${env.RECOMPRESS_TOKEN}`;
  const answer = await env.RECOMPRESS.fetch("http://recompress/?quality=auto", { method: "POST", body: request.body, headers });
  // A refusal is a problem (RFC 9457): `code` is for programs, `detail` for people. The client gets it unchanged.
  if (!answer.ok) return answer;
  try {
    const object = await store(env.BUCKET, key, answer.body, {
      httpMetadata: { contentType: TYPE },
      customMetadata: { quality: answer.headers.get("recompress-quality") },
    });
    return Response.json({ key, bytes: object.size, etag: object.etag }, { status: 201 });
  } catch (error) {
    // The zip turned out to be broken, or the client left. The message is the service's `code: message`.
    return Response.json({ error: `nothing is stored: ${error.message}` }, { status: 502 });
  }
}

/** Stores a stream of unknown length. The object appears when the stream has ended well, and otherwise never. */
async function store(bucket, key, stream, options) {
  const upload = await bucket.createMultipartUpload(key, options);
  try {
    const parts = [];
    const buffer = new Uint8Array(PART);
    let filled = 0;
    const send = async () => {
      parts.push(await upload.uploadPart(parts.length + 1, buffer.subarray(0, filled)));
      filled = 0;
    };
    for await (const chunk of stream) {
      for (let at = 0; at < chunk.length; ) {
        const piece = chunk.subarray(at, at + PART - filled);
        buffer.set(piece, filled);
        filled += piece.length;
        at += piece.length;
        if (filled === PART) await send();
      }
    }
    // Every upload has at least one part.
    if (filled > 0 || parts.length === 0) await send();
    return await upload.complete(parts);
  } catch (error) {
    // R2 drops parts that an abort did not reach after seven days.
    await upload.abort().catch(() => {});
    throw error;
  }
}

async function get(env, key) {
  const object = await env.BUCKET.get(key);
  if (!object) return Response.json({ error: "there is no such save" }, { status: 404 });
  return new Response(object.body, {
    headers: {
      "content-type": TYPE,
      "content-disposition": `attachment; filename="${key.split("/").pop()}"`,
      etag: object.httpEtag,
      "x-content-type-options": "nosniff",
    },
  });
}
