// Deploys onto a server that exists, in headless Chromium: as far as the one command to paste.
//
//     node own.mjs < plan.json
//
// The plan names also the language, the size of the window, and a license.

import { strict as assert } from "node:assert";
import { browser, enter, follow, looksRight, plan, text, visit } from "./common.mjs";

const NEXT = ".wizard button[value=next]";

try {
  const visitor = await visit(plan.language, plan.size);
  const { page } = visitor;
  await enter(visitor, plan.license);
  await follow(page, "a[href='/license/deploy']");
  await page.click("#cloud-own");
  await follow(page, NEXT);
  await page.type("[name=p_SITE_NAME]", "Demo");
  await follow(page, NEXT);
  await looksRight(visitor, "own-1-review");
  await follow(page, NEXT);
  // The worker prepares it; the page shows it by itself.
  await page.waitForSelector("#own-command");
  await looksRight(visitor, "own-2-command");
  await page.click("[data-copy=own-command]");
  const done = await page.$eval("[data-copy=own-command]", (button) => button.dataset.done);
  await page.waitForFunction((done) => document.getElementById("said").textContent === done, {}, done);
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(copied, await text(page, "#own-command"));
  assert.match(copied, /^echo token=[A-Za-z0-9_-]{43} \| curl -fsS -d @- http:.*\/api\/v1\/bootstrap\/script \| sudo sh$/);
  console.log("done: own");
} finally {
  await browser.close();
}
