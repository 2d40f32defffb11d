// What a conversion costs, and where it can run: by the tables that the service publishes.

/**
 * Bytes of a zip that is sent to the edge at most.
 *
 * A browser does not read an answer before its upload is done, while the edge stops reading an upload when nobody reads
 * its answer: with more than what is held on the way, both would wait for ever. 6 MiB is what Chromium's HTTP/2 takes in
 * for one answer unread; on HTTP/1.1 the sockets' buffers hold more. An answer is seldom larger than its zip, and what is
 * still to be sent when it fills up finds room too. `convertOnEdge` watches all the same.
 */
export const EDGE_BYTES = 6 << 20;

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
    return here("Larger than 6 MiB: a browser reads no answer before its upload is done, and the edge would wait for it.", false);
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
  return { place: "edge", reason: "Small enough to be sent. In this browser it would load the converter first, 0.7 MB.", edge: true };
}
