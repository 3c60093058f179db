// Deploys in headless Chromium, as a customer does: the wizard, the page that follows a deployment, and its removal.
//
//     node deploy.mjs < plan.json
//
// The plan names also the language, the size of the window, a license, and the page of a deployment that failed.

import { strict as assert } from "node:assert";
import { browser, enter, follow, looksRight, plan, text, visit } from "./common.mjs";

const WORDS = {
  en: { wrong: "Simulated.AuthFailure", running: "Under way", healthy: "The software runs", removed: "Removed", failed: "It failed" },
  zh: { wrong: "Simulated.AuthFailure", running: "正在部署", healthy: "软件已就绪", removed: "已删除", failed: "部署失败" },
};
const words = WORDS[plan.language];
const NEXT = ".wizard button[value=next]";

/** The page says so, without having been loaded again. */
const comesTo = (page, title) =>
  page.waitForFunction((title) => document.getElementById("state")?.textContent === title, { timeout: 60000 }, title);

async function type(page, fields) {
  for (const [name, value] of Object.entries(fields)) {
    await page.$eval(`[name=${name}]`, (field) => { field.value = ""; });
    await page.type(`[name=${name}]`, value);
  }
}

async function wizard(visitor) {
  const { page } = visitor;
  await follow(page, "a[href='/license/deploy']");
  await looksRight(visitor, "deploy-1-where");
  await page.click("#cloud-simulated");
  await follow(page, NEXT);
  await looksRight(visitor, "deploy-2-credentials");
  await type(page, { access_key: "AK-1", secret_key: "wrong" });
  await follow(page, NEXT);
  assert.match(await text(page, "[role=alert]"), new RegExp(words.wrong));
  assert.equal(await page.evaluate(() => document.activeElement.id), "fault", "what went wrong is read first");
  await looksRight(visitor, "deploy-2-refused");
  await type(page, { secret_key: "good" });
  await follow(page, NEXT);
  await looksRight(visitor, "deploy-3-server");
  await follow(page, NEXT);
  await looksRight(visitor, "deploy-4-system");
  await follow(page, NEXT);
  await looksRight(visitor, "deploy-5-network");
  await follow(page, NEXT);
  await looksRight(visitor, "deploy-6-access");
  await type(page, { password: "Browser-Pass-1", password_again: "Browser-Pass-1", p_SITE_NAME: "Meadow" });
  await follow(page, NEXT);
  await looksRight(visitor, "deploy-7-review");
  await follow(page, NEXT);
}

async function deployment(visitor) {
  const { page } = visitor;
  assert.equal(await text(page, "#state"), words.running);
  await looksRight(visitor, "deploy-8-begun");
  await page.evaluate(() => { window.sameDocument = true; });
  await page.waitForFunction(() => document.querySelectorAll(".stages .done").length >= 4, { timeout: 60000 });
  await looksRight(visitor, "deploy-8-under-way");
  await comesTo(page, words.healthy);
  assert.ok(await page.evaluate(() => window.sameDocument), "the page was not loaded again");
  const told = await page.$$eval("#lines p", (all) => all.map((line) => line.id));
  assert.ok(told.length > 5 && new Set(told).size === told.length, `each line once: ${told}`);
  await looksRight(visitor, "deploy-9-healthy");
}

async function removal(visitor) {
  const { page } = visitor;
  await follow(page, "a[href$='/remove']");
  await looksRight(visitor, "deploy-10-remove");
  await type(page, { access_key: "AK-1", secret_key: "good" });
  await follow(page, "form button.danger");
  await comesTo(page, words.removed);
  await looksRight(visitor, "deploy-11-removed");
}

try {
  const visitor = await visit(plan.language, plan.size);
  await enter(visitor, plan.license);
  await looksRight(visitor, "deploy-0-license");
  await visitor.page.goto(plan.failed);
  assert.equal(await text(visitor.page, "#state"), words.failed);
  await looksRight(visitor, "deploy-failed");
  await visitor.page.goto(`${plan.url}/license`);
  await wizard(visitor);
  await deployment(visitor);
  await removal(visitor);
  await visitor.page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "dark" }]);
  await visitor.page.goto(plan.failed);
  await looksRight(visitor, "deploy-failed-dark");
  console.log("done: deploy");
} finally {
  await browser.close();
}
