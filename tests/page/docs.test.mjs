// The page /docs in Chromium: its style applies, and it fits a narrow screen.

import assert from "node:assert/strict";
import { test } from "node:test";

import { startNative } from "../worker/harness.mjs";
import { startBrowser } from "./harness.mjs";

for (const width of [320, 390, 1280]) {
  test(`/docs has its style and does not scroll sideways at ${width} px`, async (t) => {
    const { port } = await startNative(t);
    const page = await (await startBrowser(t)).newPage({ viewport: { width, height: 800 } });
    const refused = [];
    page.on("console", (message) => message.text().includes("Content Security Policy") && refused.push(message.text()));
    await page.goto(`http://127.0.0.1:${port}/docs`);
    const { font, seen, full } = await page.evaluate(() => ({
      font: getComputedStyle(document.body).fontFamily,
      seen: document.documentElement.clientWidth,
      full: document.documentElement.scrollWidth,
    }));
    assert.match(font, /system-ui/);
    assert.ok(full <= seen, `${full} px in ${seen}`);
    assert.deepEqual(refused.filter((text) => !text.includes("favicon")), []);
    if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/docs-${width}.png` });
  });
}
