// The files that were dropped, with those in folders.

/** Files that are looked at. A folder may hold any number. */
const MOST_FILES = 1000;

/** The files of a drop. The browser forgets the drop after this call, so the entries are taken at once. */
export async function droppedFiles(transfer) {
  const entries = Array.from(transfer.items ?? [], (item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return { files: [...transfer.files], isFolder: false };
  const files = [];
  // Ends with the entries, or with as many files as are looked at.
  while (entries.length && files.length < MOST_FILES) {
    const entry = entries.shift();
    if (entry.isFile) files.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
    else entries.push(...(await listed(entry)));
  }
  return { files, isFolder: true };
}

/** The files of a folder that was chosen. */
export const chosenFolder = (list) => ({ files: [...list].slice(0, MOST_FILES), isFolder: true });

/** The entries of a folder, which the browser gives in parts until one is empty. */
async function listed(folder) {
  const reader = folder.createReader();
  const all = [];
  for (;;) {
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!part.length || all.length >= MOST_FILES) return all;
    all.push(...part);
  }
}
