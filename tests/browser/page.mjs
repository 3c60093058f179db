// Opens the customer page in headless Chromium, as a customer does, and fails when something is not as it must be.
//
//     node page.mjs < plan.json
//
// The plan names also which part of the visits, in which language, and a license of its own for each.

import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { SIZES, browser, enter, follow, looksRight, plan, text, visit as open } from "./common.mjs";

const WORDS = {
  en: { active: "Active", wrong: "No license has this code", freed: "The seat is free", ended: "Ended for good", out: "You have logged out", mistyped: "has a typing error" },
  zh: { active: "有效", wrong: "没有找到这个授权码", freed: "名额已释放", ended: "已终止", out: "您已退出", mistyped: "有输入错误" },
};

/** A visitor who knows what the pages say. */
const visit = async (language, ...rest) => ({ ...(await open(language, ...rest)), words: WORDS[language] });

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
