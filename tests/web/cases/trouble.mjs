// What happens when things go wrong between a page and its gateway.

import { expect, until } from "../runner/until.mjs";

const signs = (page) => page.$$eval("main .cell", (cells) => cells.map((cell) => cell.textContent).join("|"));
const link = (page) => page.textContent(".fresh-link");

export const cases = {
  async "streams that are refused or held back: the JSON twin takes over"({ browserPerson, proxy }) {
    for (const how of ["refuse", "hold"]) {
      proxy.streams = how;
      const person = await browserPerson();
      const page = await person.page();
      await page.goto(proxy.url);
      await page.waitForSelector("main .cell");
      await until(`the page polls (${how})`, async () => /long poll/.test(await link(page)));
      const before = await signs(page);
      await until(`the board moves (${how})`, async () => (await signs(page)) !== before);
      await person.close();
    }
    proxy.streams = "pass";
  },

  async "the gateway is killed and comes back: the page says so, resumes and loses nothing"({ url, person, gateway, forgive }) {
    forgive();
    const page = await person.page();
    await page.goto(url);
    await page.waitForSelector("main .cell");
    await until("the page is live", async () => /^Live/.test(await link(page)));
    await page.evaluate(() => (window.isSamePage = true));
    await gateway.end("SIGKILL");
    await until("the page says that it is not connected", async () => /connect/i.test(await link(page)) && (await page.isVisible("#notice")));
    expect(await page.evaluate(() => document.body.hasAttribute("data-stale")), "old data looks old");
    expect((await page.$$("main .cell")).length > 10, "the last good data is kept");
    await gateway.launch();
    await until("the page is live again", async () => /^Live/.test(await link(page)), 90_000);
    // The accounts may still be in trouble; the connection is not.
    await until("the notice of it is gone", async () => !(await page.isVisible("#notice")) || !/Not connected/.test(await page.innerText("#notice")));
    const before = await signs(page);
    await until("it moves again", async () => (await signs(page)) !== before, 60_000);
    expect(await page.evaluate(() => window.isSamePage), "without a reload");
    await until("it shows what the gateway has", async () => {
      const board = await gateway.read("/board?limit=200");
      const last = new Set(await page.$$eval("main .cell[href^='/deployments/']", (cells) => cells.map((cell) => cell.pathname.split("/")[2])));
      return board.items.filter((item) => item.last_deployment && !last.has(item.last_deployment.id)).length === 0;
    });
  },

  async "an account in trouble: the bar and a notice say why, what was read of it stays and looks old"({ url, person, gateway }) {
    const opacity = (page, account, place) => page.$$eval(`main ${place}[data-account="${account}"]`, (all) => [...new Set(all.map((one) => getComputedStyle(one).opacity))].join());
    const { items } = await gateway.read("/accounts");
    const [cloud66, scalingo] = ["cloud66", "scalingo"].map((provider) => items.find((account) => account.provider === provider).name);
    const page = await person.page();
    await page.goto(url);
    await page.waitForSelector("main .cell");
    const cells = (await page.$$("main .cell")).length;
    const bar = (name) => page.$eval(`.fresh-account:has(b:text-is("${name}"))`, (one) => `${one.dataset.tone} ${one.textContent}`);
    try {
      await gateway.control("POST", "/faults", { provider: "cloud66", kind: "status", status: 401 });
      await until("the bar is red and says why", async () => /^bad .*unauth/i.test(await bar("Cloud 66")), 60_000);
      expect(/Cloud 66.*unauth/i.test(await page.innerText("#notice")), await page.innerText("#notice"));
      expect((await page.$$("main .cell")).length >= cells, "the last good data is kept");
      expect(Number(await opacity(page, cloud66, ".cell")) < 1, "it looks old");
      expect((await opacity(page, scalingo, ".cell")) === "1", "what is read well does not");
      expect(/^Live/.test(await link(page)), "the gateway itself is there");
      await page.goto(`${url}/feed?provider=cloud66`);
      await page.waitForSelector("main .row");
      await until("it looks old in the feed", async () => Number(await opacity(page, cloud66, ".row")) < 1);
    } finally {
      await gateway.control("DELETE", "/faults");
    }
    await until("all is well again", async () => (await opacity(page, cloud66, ".row")) === "1", 90_000);
    await until("the notice is gone", async () => !/Cloud 66/.test(await page.innerText("#notice")));
  },

  async "a stop and a start while the deployment's page is open"({ url, person, gateway, forgive }) {
    forgive();
    const page = await person.page();
    const { items } = await gateway.read("/deployments?limit=1");
    await page.goto(`${url}/deployments/${items[0].id}`);
    await page.waitForSelector(".headline .status");
    await until("the page is live", async () => /^Live/.test(await link(page)));
    await gateway.end("SIGINT");
    await until("the page says that it is not connected", async () => /connect/i.test(await link(page)));
    await gateway.launch();
    await until("the page is live again", async () => /^Live/.test(await link(page)), 90_000);
  },
};
