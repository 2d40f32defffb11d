// The thread that reads a stored archive: the list of its members, and one member after the other.

import { inParts } from "./parts.js";
import { open } from "./recompress.js";
import { texts } from "./texts.js";

let archive;

onmessage = async ({ data: { open: file, read }, ports: [port] }) => {
  try {
    if (file) {
      archive = await open(file);
      const { members, indexed } = archive;
      return port.postMessage({ result: { members, indexed } });
    }
    const parts = inParts();
    await archive.read(read).pipeTo(parts.stream);
    port.postMessage({ result: parts.blob() });
  } catch ({ name, code, message }) {
    if (name === "RecompressError") return port.postMessage({ failure: { code, detail: message } });
    const detail = name === "RangeError" ? texts.memory.detail : `${name}: ${message}`;
    port.postMessage({ failure: { code: "browser", detail } });
  }
};
