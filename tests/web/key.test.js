// The web page of an orchestrator that asks for an API key, over TLS, in a real headless Chromium. FLUX_TEST_WEB is the page's address,
// FLUX_TEST_KEY a key that counts, CHROMIUM the browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { chromium } from "playwright-core";

const address = process.env.FLUX_TEST_WEB;
const key = process.env.FLUX_TEST_KEY;

test("the page asks for the key, again where it is wrong, and keeps it for the tab alone", async () => {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
  try {
    const context = await browser.newContext({ ignoreHTTPSErrors: true }); // The browser does not know the test's CA.
    const page = await context.newPage();
    page.setDefaultTimeout(120_000);
    await page.goto(address);

    const dialog = page.getByRole("dialog", { name: "API key" });
    await dialog.getByText("An API key is needed").waitFor();
    await page.keyboard.press("Escape");
    await dialog.getByLabel("Your key").fill("not a key");
    await dialog.getByRole("button", { name: "Use this key" }).click();
    await dialog.getByText("The API key is not right").waitFor();
    await dialog.getByLabel("Your key").fill(key);
    await dialog.getByLabel("Your key").press("Enter");

    await page.getByRole("button", { name: "Generate" }).and(page.locator(":enabled")).waitFor();
    assert.equal(await dialog.isVisible(), false);
    await page.getByLabel("Prompt", { exact: true }).fill("a red circle");
    await page.locator("#width").fill("64");
    await page.locator("#height").fill("64");
    await page.locator("#steps").fill("1");
    await page.getByRole("button", { name: "Generate" }).click();
    await page.locator("#gallery .card").first().waitFor();

    await page.reload();
    await page.getByRole("button", { name: "Generate" }).and(page.locator(":enabled")).waitFor(); // Without being asked again.
    assert.ok(!(await page.evaluate(() => Object.values(localStorage).join())).includes(key));
  } finally {
    await browser.close();
  }
});
