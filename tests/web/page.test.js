// The web page in a real headless Chromium. FLUX_TEST_WEB is the page's address, CHROMIUM the browser, ARTIFACTS a folder for screenshots.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import path from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { chromium } from "playwright-core";

const address = process.env.FLUX_TEST_WEB;
const artifacts = process.env.ARTIFACTS;
const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const patience = 120_000;

let browser, context, page, complaints;

before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
});

after(() => browser.close());

beforeEach(async () => {
  await open({});
});

afterEach(async () => {
  await context.close();
  assert.deepEqual(complaints, [], "the page complained");
});

async function open(options) {
  await context?.close();
  context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  await context.addInitScript({ path: axe }); // Init scripts are not subject to the page's own policy.
  await context.addInitScript(recordPreviews);
  page = await context.newPage();
  page.setDefaultTimeout(patience);
  complaints = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.stack));
  page.on("request", (request) => request.url().startsWith(address) || request.url().startsWith("blob:") || complaints.push(request.url()));
  await page.goto(address);
  await page.getByRole("button", { name: "Generate" }).and(page.locator(":enabled")).waitFor();
}

/** Runs in the page: notes the pixels of every preview that was shown, and when an image came into the gallery. */
function recordPreviews() {
  window.seen = [];
  document.addEventListener("load", ({ target }) => {
    if (target.id !== "preview") return;
    const canvas = Object.assign(document.createElement("canvas"), { width: target.naturalWidth, height: target.naturalHeight });
    canvas.getContext("2d").drawImage(target, 0, 0);
    window.seen.push(canvas.toDataURL());
  }, true);
  document.addEventListener("DOMContentLoaded", () => {
    new MutationObserver(() => window.seen.push("gallery")).observe(document.getElementById("gallery"), { childList: true });
  });
}

async function order(settings) {
  for (const [label, value] of Object.entries(settings)) await page.getByLabel(label, { exact: true }).fill(String(value));
  await page.getByRole("button", { name: "Generate" }).click();
}

const cards = () => page.getByRole("list").getByRole("listitem");
const screenshot = (name) => page.screenshot({ path: path.join(artifacts, `${name}.png`), fullPage: true });

async function assertAccessible() {
  // Fading in changes colors: what is judged is what stays.
  await page.evaluate(() => Promise.allSettled(
    document.getAnimations().filter((animation) => animation.effect.getTiming().iterations === 1).map((animation) => animation.finished)));
  const { violations } = await page.evaluate(() => axe.run());
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`), []);
}

test("a prompt becomes an image by previews that sharpen, and the gallery outlives the page", async () => {
  await order({ Prompt: "a red circle left of a blue square", Width: 128, Height: 128, Steps: 12, Seed: 7 });
  await page.waitForFunction(() => window.seen.length >= 4);
  await screenshot("page-preview");
  await assertAccessible();
  await cards().first().waitFor();

  const seen = await page.evaluate(() => window.seen);
  const previews = seen.slice(0, seen.indexOf("gallery"));
  assert.ok(new Set(previews).size >= 3, `${new Set(previews).size} distinct previews of ${previews.length} before the image`);
  const kept = await cards().first().textContent();
  assert.match(kept, /a red circle left of a blue square.*128\s×\s128 · 12\ssteps · guidance\s3.5 · seed\s7/s);
  assert.equal(await page.getByRole("status").textContent(), "All images are done.");

  await page.reload();
  await cards().first().waitFor();
  assert.equal(await cards().count(), 1);
  assert.equal(await cards().first().textContent(), kept);
  assert.ok(await cards().first().getByRole("img").evaluate((image) => image.decode().then(() => image.naturalWidth === 128)));
  assert.equal(await page.getByLabel("Prompt").inputValue(), "a red circle left of a blue square");
  await screenshot("page-gallery");
  await assertAccessible();
});

test("cancelling stops the server's work and the page goes on", async () => {
  await order({ Prompt: "a blue ring", Steps: 200, Images: 4 });
  await page.waitForFunction(() => window.seen.length >= 1);
  await page.getByRole("button", { name: "Cancel" }).click();

  await page.getByRole("button", { name: "Generate" }).waitFor();
  assert.equal(await page.getByRole("status").textContent(), "Cancelled.");
  assert.equal(await cards().count(), 0);
  await order({ Prompt: "a green star", Width: 64, Height: 64, Steps: 2, Images: 2 });
  await cards().nth(1).waitFor();
});

test("the keyboard alone is enough", async () => {
  await page.getByLabel("Prompt").fill("a yellow heart");
  await page.getByLabel("Steps").fill("200");
  await page.keyboard.press("Control+Enter");
  await page.getByRole("button", { name: "Cancel" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Generate" }).waitFor();
  assert.equal(await page.getByRole("status").textContent(), "Cancelled.");

  await page.getByLabel("Steps").fill("1");
  await page.getByLabel("Width").fill("64");
  await page.getByLabel("Height").fill("64");
  for (const count of [1, 2]) {
    await page.keyboard.press("Control+Enter");
    await cards().nth(count - 1).waitFor();
  }

  await cards().first().getByRole("button").first().press("Enter");
  const viewer = page.getByRole("dialog");
  await viewer.waitFor();
  await assertAccessible();
  await page.keyboard.press("ArrowRight");
  await viewer.getByRole("button", { name: "Older" }).and(page.locator(":disabled")).waitFor();
  await screenshot("page-viewer");
  await page.keyboard.press("Escape");
  await viewer.waitFor({ state: "hidden" });
});

test("an image's settings can be taken again, downloaded and deleted", async () => {
  await order({ Prompt: "a star", Width: 96, Height: 64, Steps: 2, Guidance: 2.5, Seed: "18446744073709551615" });
  await cards().first().waitFor();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    cards().first().getByRole("link", { name: "Download" }).click(),
  ]);
  assert.equal(download.suggestedFilename(), "a-star-18446744073709551615.png");

  await page.getByText("More settings").click();
  await page.getByLabel("Picture to start from").setInputFiles(await download.path());
  await page.getByText("Remove").waitFor();
  assert.deepEqual(await Promise.all(["Width", "Height"].map((label) => page.getByLabel(label).inputValue())), ["160", "112"]);
  await page.getByLabel("Sampler").selectOption("Heun");
  await page.getByLabel("File type").selectOption("WebP");
  await order({ Width: 96, Height: 64, "What not to draw": "blue", "Change of the picture": 0.5 });
  await cards().nth(1).waitFor();
  assert.match(await cards().first().textContent(), /Heun · guidance\s2.5 · from\sa\spicture,\schanged\s0.5 · seed\s\d+ · not\sblue/);
  await screenshot("page-more-settings");
  await assertAccessible();

  await page.getByRole("button", { name: "Defaults" }).click();
  assert.equal(await page.getByLabel("Sampler").inputValue(), "SAMPLER_EULER");
  await cards().first().getByRole("button", { name: "Again with this seed" }).click();
  assert.equal(await page.getByRole("button", { name: "Remove" }).isVisible(), true);
  await cards().first().getByRole("button", { name: "Delete" }).click();

  await page.getByRole("button", { name: "Defaults" }).click();
  assert.equal(await page.getByLabel("Seed", { exact: true }).inputValue(), "");
  await cards().first().getByRole("button", { name: "Again with this seed" }).click();
  const values = await Promise.all(["Width", "Height", "Steps", "Guidance", "Seed", "Images"].map((label) => page.getByLabel(label, { exact: true }).inputValue()));
  assert.deepEqual(values, ["96", "64", "2", "2.5", "18446744073709551615", "1"]);

  await cards().first().getByRole("button", { name: "Delete" }).click();
  await page.getByText("Your images appear here").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), "prompt");
});

test("what the browser or the server refuses is said beside the field", async () => {
  await order({ Prompt: "x", Width: 100 });
  await page.locator("#width-problem", { hasText: /./ }).waitFor();
  assert.equal(await page.getByLabel("Width").getAttribute("aria-invalid"), "true");

  await page.evaluate(() => { document.getElementById("width").step = "1"; }); // Now only the server minds.
  await page.getByRole("button", { name: "Generate" }).click();
  await page.getByText("Is 100; allowed: multiples of 16 from 64 to 2048; nearest: 96 and 112.").waitFor();
  await assertAccessible();
  complaints = complaints.filter((text) => !text.includes("status of 400")); // Chromium notes the refusal itself.
});

test("it is fit for phones and for the dark", async () => {
  await open({ viewport: { width: 390, height: 844 }, colorScheme: "dark", hasTouch: true, isMobile: true, reducedMotion: "reduce" });
  await order({ Prompt: "a purple triangle above a white ring", Width: 128, Height: 96, Steps: 4 });
  await cards().first().waitFor();

  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "it scrolls sideways");
  await screenshot("page-phone-dark");
  await assertAccessible();
});
