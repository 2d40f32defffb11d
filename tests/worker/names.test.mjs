// The option `names`: the Worker's TextDecoder and the command line's tables give the same names.

import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";

import { converted, request, startWorker } from "./harness.mjs";

/** A zip of empty stored files with these names, as bytes and without the UTF-8 flag. */
function zipNamed(names) {
  const locals = [];
  const directory = [];
  let offset = 0;
  for (const name of names) {
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(0x5a6b, 8);
    fields.writeUInt32LE(crc32(""), 10);
    fields.writeUInt16LE(name.length, 22);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    locals.push(Buffer.from("PK\x03\x04"), fields, name);
    directory.push(Buffer.from("PK\x01\x02\x14\x00"), fields, rest, name);
    offset += 30 + name.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", 0, "latin1");
  end.writeUInt16LE(names.length, 8);
  end.writeUInt16LE(names.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, central, end]);
}

// The leads of the ideographs and syllables. In the rest, which users may define, Node's decoder is not the standard's.
const TABLES = [
  ["cp932", "shift_jis", 0x81, 0xea],
];

test("every character has the same name in the Worker and on the command line", async (t) => {
  const { port } = await startWorker(t);
  for (const [names, label, first, last] of TABLES) {
    const decoder = new TextDecoder(label, { fatal: true });
    const valid = [];
    for (let lead = first; lead <= last; lead++) {
      for (let trail = 0x30; trail <= 0xff; trail++) {
        const bytes = Buffer.from([lead, trail]);
        let text;
        try {
          text = decoder.decode(bytes);
        } catch {
          continue;
        }
        // Two characters, or one that a name may not have, say nothing about the table.
        if ([...text].length === 1 && !/\p{Cc}/u.test(text)) valid.push([text, bytes]);
      }
    }
    // Some characters have two codes.
    const bytes = [...new Map(valid).values()];
    assert.ok(bytes.length > 5000, `${names}: ${bytes.length} characters`);
    const zip = zipNamed(bytes);
    const response = await request(port, { path: `/?quality=2&names=${names}`, body: zip });
    assert.equal(response.status, 200, `${names}: ${response.body}`);
    assert.deepEqual(response.body, converted(zip, "--quality", 2, "--names", names), names);

    const problem = await request(port, { path: `/?names=${names}`, body: zipNamed([Buffer.from([0xff, 0xff])]) });
    assert.equal(JSON.parse(problem.body).code, "bad_name", names);
  }
});
