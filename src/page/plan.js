// What a conversion costs, and where it can run: by the tables that the service publishes.

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

/** What the service says that quality and window cost. */
export async function fetchCosts() {
  const answer = await fetch("/costs");
  if (!answer.ok) throw new Error(`/costs: ${answer.status}`);
  return answer.json();
}

/** Memory in bytes and CPU in seconds for a zip of which `contents` are known, or not yet. */
export function cost(costs, { quality, lgwin }, contents) {
  const { memory_bytes: memory, fits, picoseconds } = costs.costs[quality][lgwin - costs.least_lgwin];
  if (!contents?.count) return { memory, fits };
  // A tarball has a header and padding for each member. Its result is about what the zip has of contents.
  const taken = contents.unpacked + 1024 * contents.count;
  const given = Math.min(contents.packed, taken);
  const [each, changed, result] = picoseconds;
  return { memory, fits, seconds: (taken * each + Math.min(given, taken - given) * changed + given * result) / 1e12 };
}

/** `edge` or `browser`, why, and whether the edge could do it at all. */
export function choosePlace(costs, choice, file, contents) {
  const here = (reason, edge) => ({ place: "browser", reason, edge });
  if (file.size > EDGE_BYTES) {
    return here(`Above ${EDGE_BYTES >> 20} MiB, upload and answer could wait for each other: browsers read no answer before they have sent everything.`, false);
  }
  if (choice.lgwin < DEFLATE_LGWIN && !(contents.unpacked <= EDGE_BYTES)) {
    return here("With a window below 32 KiB the answer could be larger than a browser takes before it has sent everything.", false);
  }
  if (!costs) return here("The service does not answer; this browser does the same.", true);
  const { limits } = costs;
  const { fits, seconds } = cost(costs, choice, contents);
  const mib = (bytes) => `${Math.round(bytes / 2 ** 20).toLocaleString("en")} MiB`;
  if (!fits) return here("This quality and window need more memory than the edge has.", false);
  if (contents.count > limits.entries) return here(`The edge takes ${limits.entries.toLocaleString("en")} members at most.`, false);
  if (contents.unpacked > limits.unpacked_bytes) return here(`The edge unpacks ${mib(limits.unpacked_bytes)} at most.`, false);
  if (contents.unpacked > limits.ratio_grace && contents.unpacked > limits.ratio * file.size) {
    return here(`The edge unpacks ${limits.ratio} bytes at most for each byte of a zip.`, false);
  }
  if (contents.held > limits.held_bytes) {
    return here(`A member tells its size behind its data, and the edge holds back ${mib(limits.held_bytes)} at most.`, false);
  }
  if (seconds * 1000 > limits.cpu_ms) {
    return here(`It takes about ${Math.round(seconds)} s of CPU; the edge allows ${limits.cpu_ms / 1000} s.`, true);
  }
  return { place: "edge", reason: "Small enough to be sent. In this browser, the converter would have to be loaded first.", edge: true };
}
