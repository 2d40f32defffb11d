// A service of S3 on this machine: miniflare's, which keeps a bucket of R2 in a folder and checks every signature. A process of its
// own, as a test blocks on the servers that use it. Its argument is the folder.

import { Log, LogLevel, Miniflare, convertV4MiniflareOptions } from "miniflare";

const s3Credentials = { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY };
const worker = {
  name: "none",
  compatibilityDate: "2026-01-01",
  modules: true,
  script: "export default {}",
  r2Buckets: { ARCHIVES: { id: "archives", s3Credentials } },
};
const runtime = new Miniflare({
  ...convertV4MiniflareOptions({ workers: [worker] }),
  cf: false,
  log: new Log(LogLevel.WARN),
  resourcePersistencePath: process.argv[2],
});
console.log(`listening on ${await runtime.ready}`);
