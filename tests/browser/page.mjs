// Opens the customer page in headless Chromium, as a customer does, and fails when something is not as it must be.
//
//     node page.mjs < plan.json
//
// The plan names the service, the browser, a folder for screenshots, which part of the visits, in which language, and a
// license of its own for each.

import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { strict as assert } from "node:assert";
import { join } from "node:path";
import axe from "axe-core";
import puppeteer from "puppeteer-core";

const plan = JSON.parse(readFileSync(0, "utf8"));
const SIZES = {
  phone: { width: 390, height: 844, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
  desktop: { width: 1280, height: 900 },
};
const WORDS = {
  en: { active: "Active", wrong: "No license has this code", freed: "The seat is free", ended: "Ended for good", out: "You have logged out", mistyped: "has a typing error" },
  zh: { active: "有效", wrong: "没有找到这个授权码", freed: "名额已释放", ended: "已终止", out: "您已退出", mistyped: "有输入错误" },
};
mkdirSync(plan.folder, { recursive: true });

const browser = await puppeteer.launch({
  executablePath: plan.chromium,
  // The sandbox needs an ordinary user; tests in containers often run as root.
  args: process.getuid() === 0 ? ["--no-sandbox"] : [],
});

/** A visitor with cookies of their own; what the page complains about is gathered in `complaints`. */
async function visit(language, size, { script = true, scheme = "light" } = {}) {
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
    if (!isDownload) {
      complaints.push(`${request.url()}: ${request.failure()?.errorText}`);
    }
  });
  return { page, complaints, context, language, size, words: WORDS[language] };
}

const expected = (text) => /status of (403|404|422|429)/.test(text);

/** Follows what a click starts. */
const follow = (page, selector) => Promise.all([page.waitForNavigation(), page.click(selector)]);

const text = (page, selector = "main") => page.$eval(selector, (element) => element.innerText);

async function looksRight({ page, complaints, language, size }, name) {
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

async function enter({ page }, license) {
  await page.goto(`${plan.url}/l`);
  await page.type("#license", license.key);
  await follow(page, "form button[type=submit]");
  assert.equal(page.url(), `${plan.url}/license`, "the address holds no secret");
}

const openAll = (page) =>
  page.$$eval("details", (all) => all.forEach((details) => { details.open = true; }));

async function copies({ page }) {
  for (const id of ["license-key", "license-code"]) {
    const shown = await page.$eval(`#${id}`, (element) => element.textContent);
    await page.evaluate(() => { document.getElementById("said").textContent = ""; });
    await page.click(`[data-copy=${id}]`);
    await page.waitForFunction(() => document.getElementById("said").textContent !== "");
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), shown);
  }
}

/** Clicks, and gives the file that the browser saves. */
async function saved({ context, page }, selector) {
  const folder = mkdtempSync(join(tmpdir(), "signet-browser-"));
  try {
    const client = await page.createCDPSession();
    const done = new Promise((resolve, reject) => {
      let name;
      client.on("Browser.downloadWillBegin", (event) => { name = event.suggestedFilename; });
      client.on("Browser.downloadProgress", ({ state }) => {
        if (state === "completed") resolve(name);
        if (state === "canceled") reject(new Error("the download was cancelled"));
      });
    });
    await client.send("Browser.setDownloadBehavior", {
      behavior: "allow", downloadPath: folder, eventsEnabled: true, browserContextId: context.id,
    });
    await page.click(selector);
    const name = await done;
    assert.deepEqual(readdirSync(folder), [name]);
    return [name, JSON.parse(readFileSync(join(folder, name), "utf8"))];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function downloads(visitor) {
  const [name, file] = await saved(visitor, "a[href='/license/file']");
  assert.equal(name, "atlas.lic");
  assert.equal(file.signet, 1);
  assert.ok(file.license_file && file.keys && file.code);
}

/** A machine that has a seat renews without a network: from a file, and once with a typing error. */
async function exchanges(visitor, license) {
  const { page, words } = visitor;
  const folder = mkdtempSync(join(tmpdir(), "signet-browser-"));
  try {
    writeFileSync(join(folder, "request.txt"), license.request);
    const input = await page.$("#request-file");
    await input.uploadFile(join(folder, "request.txt"));
    await page.waitForFunction(() => document.getElementById("request").value !== "");
  } finally {
    rmSync(folder, { recursive: true });
  }
  const [name, file] = await saved(visitor, "form[action^='/license/offline'] button");
  assert.equal(name, "atlas-response.json");
  assert.ok(file.lease && file.keys);
  const wrong = license.request.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
  await page.$eval("#request", (element, text) => { element.value = text; }, wrong);
  await follow(page, "form[action^='/license/offline'] button");
  assert.match(await text(page, "[role=alert]"), new RegExp(words.mistyped));
  assert.ok(await page.$eval("#request", (element) => element.checkVisibility()), "the form is open again");
  await looksRight(visitor, "mistyped");
}

async function wholeVisit(language, size, license) {
  const visitor = await visit(language, size);
  const { page, words } = visitor;
  await page.goto(`${plan.url}/l`);
  await looksRight(visitor, "door");
  await page.type("#license", "NOT-A-LICENSE");
  await follow(page, "form button[type=submit]");
  assert.match(await text(page, "[role=alert]"), new RegExp(words.wrong));
  await looksRight(visitor, "wrong");

  await enter(visitor, license);
  assert.match(await text(page, "h2#state"), new RegExp(words.active));
  assert.ok(!(await text(page)).includes(license.key), "the key is hidden until it is asked for");
  await looksRight(visitor, "license");
  await openAll(page);
  assert.ok((await text(page)).includes(license.key));
  assert.ok(await page.$("svg[role=img][aria-label] path"), "a QR code");
  await looksRight(visitor, "opened");
  await copies(visitor);
  await downloads(visitor);
  await exchanges(visitor, license);

  await openAll(page);
  const rows = await page.$$(".machines > li");
  assert.equal(rows.length, 2);
  await follow(page, ".machines form button");
  assert.match(await text(page, ".notice"), new RegExp(words.freed));
  assert.equal((await page.$$(".machines > li")).length, 1);
  await looksRight(visitor, "freed");

  await follow(page, "form[action='/license/log-out'] button");
  assert.match(await text(page, "[role=status]"), new RegExp(words.out));
  await page.goto(`${plan.url}/license`);
  assert.equal(page.url(), `${plan.url}/l`);
  await visitor.context.close();
}

/** Without a script: everything but the comfort. */
async function plainVisit(license) {
  const visitor = await visit("en", "phone", { script: false });
  const { page } = visitor;
  await page.goto(license.link);
  assert.equal(page.url(), `${plan.url}/license`, "the address holds no secret");
  const shown = await page.$$eval("[data-copy]", (all) => all.filter((it) => it.checkVisibility()).length);
  assert.equal(shown, 0, "buttons that would do nothing are not there");
  await page.click("details summary");
  assert.ok((await text(page)).includes(license.key));
  await page.click(".machines summary");
  await follow(page, ".machines form button");
  assert.match(await text(page, ".notice"), /The seat is free/);
  await page.screenshot({ path: join(plan.folder, "plain-en-phone.png"), fullPage: true });
  assert.deepEqual(visitor.complaints, []);
  await visitor.context.close();
}

async function languageSwitch(license) {
  const visitor = await visit("zh", "desktop");
  const { page } = visitor;
  await page.goto(license.link);
  assert.match(await text(page), /有效/);
  await follow(page, "nav a[hreflang=en]");
  assert.match(await text(page), /Active/);
  await page.goto(`${plan.url}/license`);
  assert.match(await text(page), /Active/, "the choice is remembered");
  await visitor.context.close();
}

/** The first stops of the tabulator key, and that one sees where it stands. */
async function byKeyboard(license) {
  const visitor = await visit("en", "desktop");
  const { page } = visitor;
  await page.goto(license.link);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(outline, "solid");
  await page.focus("details summary");
  await page.keyboard.press("Enter");
  assert.ok((await text(page)).includes(license.key));
  await visitor.context.close();
}

async function everyState(language) {
  for (const [name, license] of Object.entries(plan.states)) {
    const visitor = await visit(language, "desktop", { scheme: name === "over" ? "dark" : "light" });
    await visitor.page.goto(license.link);
    await openAll(visitor.page);
    await looksRight(visitor, `state-${name}`);
    await visitor.context.close();
  }
}

async function inTheDark(license) {
  for (const size of Object.keys(SIZES)) {
    const visitor = await visit("zh", size, { scheme: "dark" });
    await visitor.page.goto(license.link);
    await openAll(visitor.page);
    await looksRight(visitor, "dark");
    await visitor.context.close();
  }
}

/** The checks would be worth nothing if they could not find what they look for. */
async function findsWhatIsWrong() {
  const wrongs = {
    "not accessible": "<p><img src='/assets/signet.svg'></p>",
    "the browser complains": "<p style='color: red'>policy</p>",
    "wider than the window": "<pre id='wide'></pre>",
  };
  for (const [words, html] of Object.entries(wrongs)) {
    const visitor = await visit("en", "phone");
    await visitor.page.goto(`${plan.url}/l`);
    await visitor.page.$eval("main", (main, html) => main.insertAdjacentHTML("beforeend", html), html);
    await visitor.page.evaluate(() => { const wide = document.getElementById("wide"); if (wide) wide.style.width = "200vw"; });
    await assert.rejects(looksRight(visitor, "wrong-on-purpose"), new RegExp(words));
    await visitor.context.close();
  }
  rmSync(join(plan.folder, "wrong-on-purpose-en-phone.png"));
}

/** Every part can be asked for alone. */
const parts = {
  async visits() {
    for (const size of Object.keys(SIZES)) {
      await wholeVisit(plan.language, size, plan.visits.shift());
    }
  },
  states: () => everyState(plan.language),
  async others() {
    await plainVisit(plan.visits.shift());
    await languageSwitch(plan.visits[0]);
    await byKeyboard(plan.visits[0]);
    await inTheDark(plan.visits[0]);
    await findsWhatIsWrong();
  },
};

try {
  await parts[plan.part]();
  console.log(`done: ${plan.part}`);
} finally {
  await browser.close();
}
