// A file on this machine's disk that belongs to the page: results are written to it as they come, not gathered in memory.
// A lock that ends with the page says that a file is in use, so that what a closed page left is removed by the next.

const PREFIX = "recompress-";

/** The name of a new file, and how to remove it; undefined where the browser has no such files, or none for this page. */
export async function claimPlace() {
  const folder = await open();
  if (!folder) return undefined;
  const name = PREFIX + crypto.randomUUID();
  const held = Promise.withResolvers();
  await new Promise((locked) => {
    navigator.locks.request(name, () => {
      locked();
      return held.promise;
    });
  });
  await sweep(folder);
  return {
    name,
    async release() {
      held.resolve();
      await removed(folder, name);
    },
  };
}

/** The folder of these files, which a private window may not have. */
export async function open() {
  if (!navigator.storage?.getDirectory || !navigator.locks) return undefined;
  return navigator.storage.getDirectory().catch(() => undefined);
}

async function sweep(folder) {
  for await (const name of folder.keys()) {
    if (!name.startsWith(PREFIX)) continue;
    await navigator.locks.request(name, { ifAvailable: true }, (lock) => lock && removed(folder, name));
  }
}

/** A worker that has just been ended may still have it open; then the next page removes it. */
async function removed(folder, name) {
  await folder.removeEntry(name).catch(() => {});
}
