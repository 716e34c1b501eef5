// Numbers, the deployments behind them, and why others do not count.

import { expect, until } from "../runner/until.mjs";

/** How many deployments the feed has, once it is read to its end. */
async function countOfFeed(page) {
  await page.waitForSelector("main .row");
  return until("the feed is read to its end", async () => {
    await page.mouse.wheel(0, 4000);
    return Number(/^([\d,]+) deployment/.exec((await page.textContent(".more")).trim())?.[1]?.replaceAll(",", "") ?? 0);
  });
}

export const cases = {
  async "a bar of the insights opens exactly the deployments that it counts"({ url, person }) {
    const page = await person.page();
    for (const status of ["failed", "succeeded"]) {
      await page.goto(`${url}/insights?days=90&interval=day`);
      await page.waitForSelector(".chart a");
      // Not the last one, which goes on.
      const bars = await page.$$eval(`a[data-bar=${status}]`, (all) => all.map((one) => one.getAttribute("aria-label")));
      const label = bars.find((text) => !/so far/.test(text));
      expect(label, `no day with ${status} ones: ${bars}`);
      await page.evaluate(() => (window.isSamePage = true));
      // As from the keyboard.
      await page.focus(`a[aria-label="${label}"]`);
      await page.keyboard.press("Enter");
      await page.waitForURL("**/feed?**");
      const count = Number(/^\d+/.exec(label.replaceAll(",", ""))[0]);
      expect((await countOfFeed(page)) === count, `${label}, and the feed has ${await page.textContent(".more")}`);
      const shown = await page.$$eval("main .row .status", (all) => all.map((one) => one.dataset.status));
      expect(shown.every((one) => one === status), shown.join());
      expect(await page.evaluate(() => window.isSamePage), "without a reload");
    }
  },

  async "every number says what it counts and what it leaves out"({ url, person }) {
    const page = await person.page();
    await page.goto(`${url}/insights`);
    await page.waitForSelector(".tile");
    for (const metric of await page.$$eval(".tile", (all) => all.map((one) => one.dataset.metric))) {
      await page.click(`.tile[data-metric=${metric}] button`);
      await page.waitForSelector("dialog.explain .reckoning");
      const lines = await page.$$eval(".reckoning dt", (all) => all.map((one) => Number(one.textContent.replace("− ", "-"))));
      const [lookedAt, ...rest] = lines;
      const counted = rest.pop();
      expect(lookedAt + rest.reduce((sum, one) => sum + one, 0) === counted, `${metric}: ${lines.join(" ")}`);
      const tile = await page.textContent(`.tile[data-metric=${metric}]`);
      expect(counted > 0 || /—/.test(tile), `nothing counted is no number: ${tile}`);
      await page.keyboard.press("Escape");
      await until("the dialog closes", async () => !(await page.$("dialog.explain")));
    }
    await page.click(".tile[data-metric=duration] button");
    await page.click(".explained a");
    await page.waitForURL("**/deployments/**");
    await until("the dialog does not stay over the deployment", async () => !(await page.$("dialog")));
  },

  async "the insights' filters live in the address and survive a reload"({ url, person }) {
    const page = await person.page();
    await page.goto(`${url}/insights`);
    await page.waitForSelector(".sheet tbody a");
    await page.selectOption("select[aria-label=Period]", "90");
    await page.selectOption("select[aria-label=Bars]", "month");
    await until("the bars are months", async () => (await page.$$(".chart")).length === 2 && /interval=month/.test(page.url()) && /days=90/.test(page.url()));
    await page.click(".sheet[aria-label$=application] tbody th a");
    await page.waitForSelector(".chip[aria-pressed=true]");
    const chip = await page.textContent(".chip[aria-pressed=true]");
    await page.reload();
    await until("the filter is named again", async () => (await page.textContent(".filters")).includes(chip));
    await until("the bars are still months", async () => (await page.inputValue("select[aria-label=Bars]")) === "month");
    await until("one application is left", async () => (await page.$$(".sheet tbody tr")).length === 1);
  },
};
