// Gives no keys, in headless Chromium: the wizard's step for the account, with an agency.
//
//     node agency.mjs < plan.json
//
// The plan names also the language, the size of the window, a license, and the URN of an agency that trusts.

import { strict as assert } from "node:assert";
import { browser, enter, follow, looksRight, plan, text, visit } from "./common.mjs";

const NEXT = ".wizard button[value=next]";

const seen = (page, selector) =>
  page.$eval(selector, (element) => element.getClientRects().length > 0);

async function copied(page, id) {
  await page.click(`[data-copy=${id}]`);
  const done = await page.$eval(`[data-copy=${id}]`, (button) => button.dataset.done);
  await page.waitForFunction((done) => document.getElementById("said").textContent === done, {}, done);
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await text(page, `#${id}`));
}

async function type(page, name, value) {
  await page.$eval(`[name=${name}]`, (field) => { field.value = ""; });
  await page.type(`[name=${name}]`, value);
}

try {
  const visitor = await visit(plan.language, plan.size);
  const { page } = visitor;
  await enter(visitor, plan.license);
  await follow(page, "a[href='/license/deploy']");
  await page.click("#cloud-huawei");
  await page.select("[name=region-huawei]", "cn-north-4");
  await follow(page, NEXT);
  // One way at a time.
  assert.deepEqual([await seen(page, "#secret_key"), await seen(page, "#agency_urn")], [true, false]);
  await looksRight(visitor, "agency-1-keys");
  await page.click("#way-named");
  assert.ok(await seen(page, "#agency_account"));
  await page.$$eval(".way:has(input:checked) details", (all) => all.forEach((it) => { it.open = true; }));
  await looksRight(visitor, "agency-2-named");
  await copied(page, "agency-name");
  await page.click("#way-trust");
  assert.deepEqual([await seen(page, "#secret_key"), await seen(page, "#agency_urn")], [false, true]);
  await looksRight(visitor, "agency-3-trust");
  await copied(page, "agency-external-id");
  await type(page, "agency_urn", `${plan.urn}-of-another`);
  await follow(page, NEXT);
  assert.match(await text(page, "[role=alert]"), /PAP5\.0014/);
  assert.ok(await seen(page, "#agency_urn"), "the way that was chosen stays open");
  await looksRight(visitor, "agency-4-refused");
  await type(page, "agency_urn", plan.urn);
  await follow(page, NEXT);
  assert.equal(await page.$eval("[name=step]", (field) => field.value), "server");
  await looksRight(visitor, "agency-5-server");
  console.log("done: agency");
} finally {
  await browser.close();
}
