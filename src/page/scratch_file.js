// A file on this machine's disk that belongs to the page. Results go there, so that they do not fill the tab's memory. A lock
// that ends with the page marks a file as in use; the next page removes files without a lock.

const PREFIX = "recompress-";

/** The name of a new file, and a function that removes it. Undefined if the browser has no such files for this page. */
export async function claimScratchFile() {
  const folder = await openFolder();
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
      await remove(folder, name);
    },
  };
}

/** The folder of these files. A private window may not have one. */
export async function openFolder() {
  if (!navigator.storage?.getDirectory || !navigator.locks) return undefined;
  return navigator.storage.getDirectory().catch(() => undefined);
}

async function sweep(folder) {
  for await (const name of folder.keys()) {
    if (!name.startsWith(PREFIX)) continue;
    await navigator.locks.request(name, { ifAvailable: true }, (lock) => lock && remove(folder, name));
  }
}

/** A worker that was just stopped may still have the file open. Then the next page removes it. */
async function remove(folder, name) {
  await folder.removeEntry(name).catch(() => {});
}
