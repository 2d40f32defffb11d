// A result that is kept as a Blob of parts.

/** Bytes that are gathered before they become a part of a Blob, which the browser can move out of memory. */
const PART = 4 << 20;

/** A stream that takes bytes, and what they become. */
export function inParts() {
  const parts = [];
  let pieces = [];
  let length = 0;
  const gather = () => {
    parts.push(new Blob(pieces));
    pieces = [];
    length = 0;
  };
  const stream = new WritableStream({
    write(bytes) {
      pieces.push(bytes);
      length += bytes.byteLength;
      if (length >= PART) gather();
    },
    close: gather,
  });
  return { stream, blob: () => new Blob(parts) };
}
