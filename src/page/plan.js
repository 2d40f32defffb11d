// What a conversion will come to, by the service's own estimate, and where it can run.

/**
 * Bytes of a zip that is sent to the edge at most.
 *
 * A browser reads no answer before its upload is done, and the edge reads no upload when its answer is not read: with more
 * than what the buffers between them hold, both wait for ever. Measured with Chromium and workerd on one machine, 8 MiB
 * that do not compress come through and 10 MiB do not; on HTTP/2, Chromium takes 6 MiB of an answer unread.
 */
export const EDGE_BYTES = 6 << 20;

/** The smallest brotli window that reaches as far back as deflate does: with less, a result can be much larger than its zip. */
const DEFLATE_LGWIN = 15;

/** How long an estimate is waited for: without one, everything works. */
const PATIENCE_MS = 5000;

/** Why the edge would not take it, by the code of its refusal. */
const REASONS = {
  cpu_budget: "It takes more computing than the edge allows for one zip.",
  output_limit: "It unpacks to more than the edge takes.",
  ratio_limit: "It unpacks to more than the edge takes from a zip of its size.",
  too_many_entries: "It has more members than the edge takes.",
  too_much_memory: "This quality and window need more memory than the edge has.",
};

/**
 * What the service foretells: bytes, CPU and memory, and the code of a refusal. Without a `choice`, of its own quality and
 * window. Undefined where it does not answer.
 */
export async function fetchEstimate(file, contents, choice) {
  const query = new URLSearchParams({ zip_bytes: file.size, unpacked_bytes: contents.unpacked, members: contents.count, ...choice });
  try {
    const answer = await fetch(`/estimate?${query}`, { signal: AbortSignal.timeout(PATIENCE_MS) });
    const told = await answer.json();
    return answer.ok ? told : { refusal: told.code, detail: told.detail };
  } catch {
    return undefined;
  }
}

/** `edge` or `browser`, why, and whether the edge could do it at all. */
export function choosePlace(estimate, choice, file, contents) {
  const here = (reason, edge) => ({ place: "browser", reason, edge });
  if (file.size > EDGE_BYTES) {
    return here(`Above ${EDGE_BYTES >> 20} MiB, upload and answer could wait for each other: browsers read no answer before they have sent everything.`, false);
  }
  if (choice.lgwin < DEFLATE_LGWIN && contents.unpacked > EDGE_BYTES) {
    return here("With a window below 32 KiB the answer could be larger than a browser takes before it has sent everything.", false);
  }
  if (!estimate) return here("The service does not answer; this browser does the same.", true);
  const { refusal, detail } = estimate;
  // How much there is to compute is an estimate, that the rest is too much is certain.
  if (refusal) return here(REASONS[refusal] ?? `The edge refuses: ${detail}.`, refusal === "cpu_budget");
  return { place: "edge", reason: "Small enough to be sent. In this browser, the converter would have to be loaded first.", edge: true };
}
