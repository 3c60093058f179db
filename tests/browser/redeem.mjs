// Redeems a code of the marketplace in headless Chromium: the page says what it means, and only who agrees redeems.
//
//     node redeem.mjs < plan.json
//
// The plan names also the language, the size of the window, a code, and one that the marketplace does not know.

import { strict as assert } from "node:assert";
import { browser, follow, looksRight, plan, text, visit } from "./common.mjs";

const SUBMIT = "form button[type=submit]";

try {
  const visitor = await visit(plan.language, plan.size);
  const { page } = visitor;
  const enter = async (code) => {
    await page.goto(`${plan.url}/l`);
    await page.type("#license", code);
    await follow(page, SUBMIT);
  };
  await enter(plan.unknown);
  await follow(page, SUBMIT);
  assert.ok(await page.$("[role=alert]"), "the marketplace does not know it");
  await looksRight(visitor, "redeem-2-refused");
  await enter(plan.code);
  assert.equal(page.url(), `${plan.url}/l`, "the address holds no code");
  assert.match(await text(page), plan.language === "zh" ? /不能撤销/ : /cannot be undone/);
  await looksRight(visitor, "redeem-1-asked");
  await follow(page, SUBMIT);
  assert.equal(page.url(), `${plan.url}/license`);
  await looksRight(visitor, "redeem-3-done");
  console.log("done: redeem");
} finally {
  await browser.close();
}
