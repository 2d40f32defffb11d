// The prediction of a conversion, by the service's own estimate, and the place where it can run.

import { query } from "./server.js";
import { texts } from "./texts.js";

/**
 * The largest zip that is sent to the server, in bytes.
 *
 * A browser reads no answer before its upload is done, and the server reads no upload while its answer is not read. With
 * more than fits the buffers between them, both wait for ever. Measured with Chromium and workerd on one machine, 8 MiB that
 * do not compress come through and 10 MiB do not; on HTTP/2, Chromium takes 6 MiB of an answer unread.
 */
export const SERVER_BYTES = 6 << 20;

/** The smallest window that reaches as far back as deflate. With a smaller one, a result can be much larger than its zip. */
const DEFLATE_LGWIN = 15;

/** Milliseconds to wait for an estimate. The page works without one. */
const PATIENCE_MS = 5000;

/** The service's estimate: bytes, CPU, memory, and the code of a refusal. Undefined if the service does not answer. */
export async function fetchEstimate(file, contents, options) {
  const numbers = { zip_bytes: file.size, unpacked_bytes: contents.unpacked, members: contents.count };
  try {
    const answer = await fetch(`/estimate?${query({ ...numbers, ...options })}`, { signal: AbortSignal.timeout(PATIENCE_MS) });
    const estimate = await answer.json();
    return answer.ok ? estimate : { refusal: estimate.code, detail: estimate.detail };
  } catch {
    return undefined;
  }
}

/** `server` or `browser`, the reason, and whether the server could do it at all. */
export function choosePlace(estimate, options, file, contents) {
  const here = (reason, server) => ({ place: "browser", reason, server });
  if (file.size > SERVER_BYTES) return here(texts.above(`${SERVER_BYTES >> 20} MiB`), false);
  if (options.lgwin < DEFLATE_LGWIN && contents.unpacked > SERVER_BYTES) return here(texts.smallWindow, false);
  if (!estimate) return here(texts.noAnswer, true);
  const { refusal, detail } = estimate;
  // The CPU is an estimate, so the server may be tried; the other limits are certain.
  if (refusal) return here(texts.refusals[refusal] ?? texts.serverRefuses(detail), refusal === "cpu_budget");
  return { place: "server", reason: texts.smallEnough, server: true };
}
