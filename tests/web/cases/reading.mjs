// Reading one deployment: its log, and the way to the platform.

import { readFileSync } from "node:fs";

import { expect, until } from "../runner/until.mjs";

async function withLog(gateway) {
  const { items } = await gateway.read("/deployments?provider=scalingo&status=failed,succeeded&limit=20");
  return items.find(({ logs }) => logs.available);
}

export const cases = {
  async "a log is searched, linked to by line, and saved"({ url, person, gateway }) {
    const { id } = await withLog(gateway);
    const page = await person.page();
    await page.goto(`${url}/deployments/${id}?tab=log`);
    await page.waitForSelector(".log-lines li");
    await until("the log is whole", async () => /End of the log/.test(await page.textContent(".log-end")));
    const lines = await page.$$eval(".log-lines li > span", (all) => all.map((one) => one.textContent));
    const word = lines.join(" ").match(/[a-z]{5,}/i)[0].toLowerCase();
    const hits = lines.filter((line) => line.toLowerCase().includes(word)).length;
    await page.fill("input[aria-label='Find in log']", word);
    await until("the hits are counted", async () => (await page.textContent(".count")) === `1 of ${hits}`);
    expect((await page.$$(".log-lines mark")).length >= hits, "they are marked");
    await page.press("input[aria-label='Find in log']", "Enter");
    const second = hits > 1 ? 2 : 1;
    await until("the next one is shown", async () => (await page.textContent(".count")) === `${second} of ${hits}`);
    await page.fill("input[aria-label='Find in log']", "nothing has this");
    await until("nothing is found", async () => (await page.textContent(".count")) === "not found");

    await page.click("#L3 a");
    expect(new URL(page.url()).hash === "#L3", page.url());
    await page.reload();
    await page.waitForSelector("#L3.chosen");

    const [download] = await Promise.all([page.waitForEvent("download"), page.click("button[aria-label='Save the log']")]);
    const saved = readFileSync(await download.path(), "utf8");
    expect(download.suggestedFilename() === `${id}.log`, download.suggestedFilename());
    expect(saved.split("\n").length >= lines.length, `${saved.split("\n").length} lines instead of ${lines.length}`);
  },

  async "a log is followed to its end"({ url, person, gateway }) {
    await gateway.control("POST", "/deployments", { provider: "scalingo", count: 1 });
    const running = await until("it runs and has a log", async () =>
      (await gateway.read("/deployments?status=queued,in_progress&provider=scalingo&limit=20")).items.find(({ logs }) => logs.live),
    );
    const page = await person.page();
    await page.goto(`${url}/deployments/${running.id}?tab=log`);
    await page.waitForSelector(".log-lines li", { timeout: 60_000 });
    const before = (await page.$$(".log-lines li")).length;
    await until("it ends", async () => /End of the log/.test(await page.textContent(".log-end")), 120_000);
    expect((await page.$$(".log-lines li")).length >= before, "no line is lost");
    const numbers = await page.$$eval(".log-lines li", (all) => all.map((one) => one.id));
    expect(new Set(numbers).size === numbers.length, "no line comes twice");
  },

  async "a deployment leads to its page on the platform"({ url, person, gateway }) {
    const { items } = await gateway.read("/deployments?limit=50");
    const deployment = items.find(({ provider_url }) => provider_url);
    const page = await person.page();
    await page.goto(`${url}/deployments/${deployment.id}`);
    const link = await page.waitForSelector(`.facts a[href="${deployment.provider_url}"]`);
    expect((await link.getAttribute("target")) === "_blank" && /noopener/.test(await link.getAttribute("rel")), "in a tab of its own");
  },
};
