// A headless Chromium, and pages whose errors are not overlooked.

import { chromium as engine } from "playwright-core";

import { chromium } from "./paths.mjs";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const launch = () => engine.launch({ executablePath: chromium, args: FLAGS });

/** A fresh profile. What its pages complain about is in `complaints`. */
export async function person(browser, { theme = "light", width = 1380, height = 900, ...more } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, locale: "en-GB", timezoneId: "UTC", ...more });
  const complaints = [];
  context.on("page", (page) => watch(page, complaints));
  return { context, complaints, page: () => context.newPage(), close: () => context.close() };
}

function watch(page, complaints) {
  page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error.stack ?? error}`));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(`${page.url()}: ${message.type()}: ${message.text()}`);
  });
}

/** A lost connection and a refusal are the test's own doing; the browser tells of them, too. */
export const serious = (complaints) => complaints.filter((text) => !/Failed to load resource|net::ERR_/.test(text));
