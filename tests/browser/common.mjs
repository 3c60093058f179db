// What all visits of pages in headless Chromium share. The plan on standard input names the service, the browser, and a
// folder for screenshots.

import { mkdirSync, readFileSync } from "node:fs";
import { strict as assert } from "node:assert";
import { join } from "node:path";
import axe from "axe-core";
import puppeteer from "puppeteer-core";

export const plan = JSON.parse(readFileSync(0, "utf8"));
export const SIZES = {
  phone: { width: 390, height: 844, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
  desktop: { width: 1280, height: 900 },
};
mkdirSync(plan.folder, { recursive: true });

export const browser = await puppeteer.launch({
  executablePath: plan.chromium,
  // The sandbox needs an ordinary user; tests in containers often run as root.
  args: process.getuid() === 0 ? ["--no-sandbox"] : [],
});

/** A visitor with cookies of their own; what the page complains about is gathered in `complaints`. */
export async function visit(language, size, { script = true, scheme = "light" } = {}) {
  const context = await browser.createBrowserContext();
  await context.overridePermissions(plan.url, ["clipboard-read", "clipboard-sanitized-write"]);
  const page = await context.newPage();
  const complaints = [];
  await page.setViewport(SIZES[size]);
  await page.setExtraHTTPHeaders({ "Accept-Language": language === "zh" ? "zh-CN,zh;q=0.9" : "en-US,en;q=0.9" });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.setJavaScriptEnabled(script);
  page.on("console", (message) => {
    // A refused form is answered with an error status, which the browser mentions: that is no fault of the page.
    const refused = message.text().startsWith("Failed to load resource") && message.location().url?.startsWith(plan.url);
    if (["error", "warn"].includes(message.type()) && !(refused && expected(message.text()))) {
      complaints.push(message.text());
    }
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("requestfailed", (request) => {
    // What becomes a download ends as a page that was given up.
    const isDownload = /\/license\/(file|offline)(#.*)?$/.test(request.url()) && request.failure()?.errorText === "net::ERR_ABORTED";
    // A page that follows something stops doing so when it is left.
    const isFollowed = request.url().includes("/events?") && request.failure()?.errorText === "net::ERR_ABORTED";
    if (!isDownload && !isFollowed) {
      complaints.push(`${request.url()}: ${request.failure()?.errorText}`);
    }
  });
  return { page, complaints, context, language, size };
}

const expected = (text) => /status of (403|404|409|422|429)/.test(text);

/** Follows what a click starts. */
export const follow = (page, selector) => Promise.all([page.waitForNavigation(), page.click(selector)]);

export const text = (page, selector = "main") => page.$eval(selector, (element) => element.innerText);

export async function looksRight({ page, complaints, language, size }, name) {
  await page.screenshot({ path: join(plan.folder, `${name}-${language}-${size}.png`), fullPage: true });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(wide, 0, `${name}: the page is wider than the window`);
  assert.equal(await page.evaluate(() => document.documentElement.lang), language === "zh" ? "zh-CN" : "en");
  // Evaluated by the debugger, which the page's policy does not bind.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const found = violations.map((it) => `${it.impact} ${it.id}: ${it.nodes.map((node) => node.html).join(" | ")}`);
  assert.deepEqual(found, [], `${name}: not accessible`);
  assert.deepEqual(complaints, [], `${name}: the browser complains`);
}

export async function enter({ page }, license) {
  await page.goto(`${plan.url}/l`);
  await page.type("#license", license.key);
  await follow(page, "form button[type=submit]");
  assert.equal(page.url(), `${plan.url}/license`, "the address holds no secret");
}
