// What tsc must take, and what it must refuse.

import { ArchiveError, Archives, ticket, type Member, type Record } from "../../src/client/archives.js";

const archives = new Archives("http://recompress", { token: "secret", fetch: (url, request) => fetch(url, request) });
const record: Record = await archives.put("id", new Blob(), { quality: "auto", expires: 60, include: ["*"] });
const members: Member[] | null = await archives.members(record.id);
const response: Response = await archives.read("id", members?.[0]?.name ?? "");
for await (const { etag } of archives.list({ prefix: "a" })) await archives.put(undefined, response.body!, { ifMatch: etag });
const permit: string = await ticket("secret", { id: "id", bytes: 1, until: new Date() });
const code = (error: unknown) => (error instanceof ArchiveError ? error.code : permit);
code(1);
// @ts-expect-error
await archives.put("id", "a text");
// @ts-expect-error
await archives.get("id", { range: 5 });
