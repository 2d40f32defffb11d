// Files of npm packages that only the corpus needs: fetched once, and checked against their hashes.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

import { cache } from "./cache.mjs";

const PACKAGES = {
  "@fontsource/inter@5.3.0": "RofMylZmjlJEfELXeNHFWBRcSs75rGU/6bV2S2jfnvv/3rPXPGe0LgUJTklcHZ9lM4OZmAVFhcJPnACfb91A3g==",
  "emojibase-data@17.0.0": "Yvgb5AWoHViHV/gq1qr5ZAarcBip+B27/ZLRsUJkbgAEaLlZ/fof9g882LTpmEpyhBNEC0m2SEmItljHsTygjA==",
  "three-globe@2.45.2": "3qJE2LAdyHsUPt02mgMRc+PG3j9kGEA0fUYrwKPGIVtvMR1XjDn9hCXu31AWocdgHOFcXkrRVz7jJZzTIvR0eQ==",
  "world-atlas@2.0.2": "IXfV0qwlKXpckz1FhwXVwKRjiIhOnWttOskm5CtxMsjgE/MXAYRHWJqgXOpM8IkcPBoXnyTU5lFHcYa5ChG0LQ==",
};

/** The folder that a package was unpacked to. */
export function unpacked(name) {
  const folder = join(cache, "packages", name.replaceAll("/", "-"));
  if (existsSync(folder)) return folder;
  const fresh = `${folder}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  const [{ filename }] = JSON.parse(execFileSync("npm", ["pack", "--json", "--pack-destination", fresh, name], { stdio: ["ignore", "pipe", "ignore"] }));
  const archive = join(fresh, filename);
  const digest = createHash("sha512").update(readFileSync(archive)).digest("base64");
  if (digest !== PACKAGES[name]) throw new Error(`${name} has the sha-512 ${digest}, it was ${PACKAGES[name]}`);
  execFileSync("tar", ["-xzf", archive, "--strip-components=1", "-C", fresh]);
  rmSync(archive);
  renameSync(fresh, folder);
  return folder;
}
