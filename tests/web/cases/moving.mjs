// The board and the feed while deployments go on.

import { expect, until } from "../runner/until.mjs";

const signs = (page) => page.$$eval("main .cell", (cells) => cells.map((cell) => cell.textContent).join("|"));
const words = (page) => page.$$eval("main .cell .status", (all) => all.map((one) => one.textContent).join("|"));

export const cases = {
  async "the board opens without signing in and moves by itself within 30 s"({ url, person }) {
    const page = await person.page();
    await page.goto(url);
    await page.waitForSelector("main .cell");
    expect((await page.$$("main tbody tr")).length > 10, "the board has rows");
    const before = await words(page);
    await page.evaluate(() => (window.isSamePage = true));
    await until("a status on the board changes", async () => (await words(page)) !== before);
    expect(await page.evaluate(() => window.isSamePage), "the page was not loaded again");
    await until("the bar says live", async () => /^Live/.test(await page.textContent(".fresh-link")));
  },

  async "board filters survive a reload"({ url, person }) {
    const page = await person.page();
    await page.goto(url);
    await page.waitForSelector("main .cell");
    const all = (await page.$$("main tbody tr")).length;
    await page.fill("main input[type=search]", "orders");
    await page.selectOption("select[aria-label=Group]", "provider");
    await until("fewer rows", async () => (await page.$$("main tbody tr")).length < all);
    const shown = await page.$$eval("main tbody th", (heads) => heads.map((head) => head.textContent));
    await page.reload();
    await page.waitForSelector("main .cell");
    const again = await page.$$eval("main tbody th", (heads) => heads.map((head) => head.textContent));
    expect(shown.join() === again.join(), `${shown} is now ${again}`);
    expect((await page.inputValue("main input[type=search]")) === "orders", "the search is kept");
  },

  async "the board groups by owner, as the API names them"({ url, person, gateway }) {
    const { items } = await gateway.read("/applications?limit=200");
    const owners = new Map(items.map(({ id, owner }) => [id, owner ?? "No owner"]));
    const page = await person.page();
    await page.goto(url);
    await page.waitForSelector("main .cell");
    const all = (await page.$$("main tbody tr")).length;
    await page.selectOption("select[aria-label=Group]", "owner");
    await page.waitForSelector("main tr.group");
    const lines = await page.$$eval("main tbody tr", (rows) =>
      rows.map((row) => (row.matches(".group") ? { group: row.querySelector("b").textContent, text: row.textContent } : { id: row.querySelector("th a").pathname.split("/").pop() })),
    );
    const groups = new Map();
    for (const line of lines) {
      if (line.group) groups.set(line.group, { text: line.text, ids: [] });
      else [...groups.values()].at(-1).ids.push(line.id);
    }
    const names = [...groups.keys()];
    expect(names.length > 1 && names.join() === [...names].sort((one, other) => one.localeCompare(other)).join(), names.join());
    expect(lines.length - names.length === all, `${lines.length - names.length} rows in groups, ${all} before`);
    for (const [name, { text, ids }] of groups) {
      expect(ids.length > 0 && ids.every((id) => owners.get(id) === name), `${name}: ${ids.map((id) => owners.get(id)).join()}`);
      expect(text.endsWith(` ${ids.length} application${ids.length === 1 ? "" : "s"}`), `${text}, ${ids.length} rows`);
    }
  },

  async "all tabs share one stream, and another leads when one closes"({ browserPerson, proxy }) {
    for (const hasWorker of [true, false]) {
      const person = await browserPerson();
      if (!hasWorker) await person.context.addInitScript(() => delete window.SharedWorker);
      proxy.seen.length = 0;
      const pages = [];
      for (let count = 0; count < 3; count += 1) {
        const page = await person.page();
        await page.goto(proxy.url);
        await page.waitForSelector("main .cell");
        await until("the tab is live", async () => /^Live/.test(await page.textContent(".fresh-link")));
        pages.push(page);
      }
      expect(proxy.count("/events/stream") === 1, `${proxy.count("/events/stream")} streams for three tabs (worker: ${hasWorker})`);
      await pages[0].close();
      const before = await signs(pages[2]);
      await until("the other tabs go on", async () => (await signs(pages[2])) !== before);
      await until("they are live", async () => /^Live/.test(await pages[2].textContent(".fresh-link")));
      await until("one stream is open", () => proxy.open === 1);
      await person.close();
      await until("no stream is left", () => proxy.open === 0);
    }
  },

  async "the feed scrolls by pages and offers what is new"({ url, person }) {
    const page = await person.page();
    await page.goto(`${url}/feed`);
    await page.waitForSelector("main .row");
    const first = await page.$$eval("main .row", (rows) => rows.map((row) => row.dataset.id));
    await until("another page comes", async () => {
      await page.mouse.wheel(0, 4000);
      return (await page.$$("main .row")).length > 120;
    });
    const ids = await page.$$eval("main .row", (rows) => rows.map((row) => row.dataset.id));
    expect(new Set(ids).size === ids.length, "no deployment comes twice");
    await page.waitForSelector(".fresh-pill", { timeout: 40_000 });
    const top = await page.$eval("main .row", (row) => row.dataset.id);
    expect(top === first[0], "rows do not jump while one reads");
    await page.click(".fresh-pill");
    await until("the new one is on top", async () => (await page.$eval("main .row", (row) => row.dataset.id)) !== first[0]);
    expect(!(await page.$(".fresh-pill")), "the pill is gone");
  },

  async "feed filters live in the address and survive a reload"({ url, person }) {
    const page = await person.page();
    await page.goto(`${url}/feed`);
    await page.waitForSelector("main .row");
    await page.click(".chip[data-status=failed]");
    await page.selectOption("select[aria-label=Provider]", "scalingo");
    await until("only failed ones", async () => {
      const rows = await page.$$eval("main .row .status", (all) => all.map((one) => one.dataset.status));
      return rows.length > 0 && rows.every((status) => status === "failed");
    });
    expect(/status=failed/.test(page.url()) && /provider=scalingo/.test(page.url()), page.url());
    await page.reload();
    await page.waitForSelector("main .row");
    expect((await page.getAttribute(".chip[data-status=failed]", "aria-pressed")) === "true", "the chip is still pressed");
    const rows = await page.$$eval("main .row .status", (all) => all.map((one) => one.dataset.status));
    expect(rows.every((status) => status === "failed"), rows.join());
    await page.fill("main input[type=search]", "uploads");
    await until("the search is in the address", () => /q=uploads/.test(page.url()));
    await until("only what fits", async () => {
      const names = await page.$$eval("main .row .name", (all) => all.map((one) => one.textContent));
      return names.every((name) => name.includes("uploads"));
    });
  },

  async "keys do everything"({ url, person }) {
    const page = await person.page();
    await page.goto(url);
    await page.waitForSelector("main .cell");
    await page.keyboard.press("?");
    await page.waitForSelector("dialog.help[open]");
    await page.keyboard.press("Escape");
    await until("the help closes", async () => !(await page.$("dialog.help")));
    await page.keyboard.press("g");
    await page.keyboard.press("f");
    await page.waitForSelector("main .row");
    await page.keyboard.press("/");
    expect(await page.evaluate(() => document.activeElement.matches("input[type=search]")), "/ goes to the search");
    await page.keyboard.press("Escape");
    for (const key of ["j", "j", "k", "j"]) await page.keyboard.press(key);
    const chosen = await page.evaluate(() => document.activeElement.dataset.id);
    expect(chosen, "j and k go over rows");
    await page.keyboard.press("Enter");
    await page.waitForURL(`**/deployments/${chosen}`);
    await page.waitForSelector("main h1");
    await page.goBack();
    await page.waitForSelector("main .row");
    await page.keyboard.press("t");
    expect((await page.getAttribute("html", "data-theme")) === "light", "t changes the theme");
  },

  async "every link on the board and on a deployment works"({ url, person, gateway }) {
    const page = await person.page();
    await page.goto(url);
    await page.waitForSelector("main .cell");
    const { items } = await gateway.read("/deployments?limit=1&status=failed&provider=scalingo");
    const own = new Set(await page.$$eval("a[href]", (links) => links.filter((link) => link.origin === location.origin).map((link) => link.pathname)));
    await page.goto(`${url}/deployments/${items[0].id}`);
    await page.waitForSelector(".facts");
    for (const path of await page.$$eval("a[href]", (links) => links.filter((link) => link.origin === location.origin).map((link) => link.pathname))) own.add(path);
    const some = [...own].filter((path) => !/^\/(deployments|applications)\//.test(path));
    const others = [...own].filter((path) => !some.includes(path)).slice(0, 8);
    for (const path of [...some, ...others]) {
      await page.goto(url + path);
      const text = () => page.textContent("main");
      await until(`${path} is shown`, async () => (await page.isVisible("main h1")) || /could not|nothing here/.test(await text()));
      expect(await page.isVisible("main h1"), `${path}: ${await text()}`);
    }
  },

  async "a running deployment is followed to its end, its failure first"({ url, person, gateway }) {
    await gateway.control("POST", "/deployments", { provider: "scalingo", scenario: "build_failure", count: 1 });
    const page = await person.page();
    const running = await until("it runs", async () => (await gateway.read("/deployments?status=queued,in_progress&provider=scalingo&limit=1")).items[0]);
    await page.goto(`${url}/deployments/${running.id}`);
    await page.waitForSelector(".headline .status");
    await until(
      "the page shows the end",
      async () => ["succeeded", "failed", "canceled"].includes(await page.getAttribute(".headline .status", "data-status")),
      90_000,
    );
    const status = await page.getAttribute(".headline .status", "data-status");
    expect((await page.isVisible(".failure-box")) === (status === "failed"), `${status} and its box`);
    await page.click("#tab-timeline");
    expect((await page.textContent(".timeline")).length > 0, "it has a timeline");
    await page.click("#tab-raw");
    await page.waitForSelector(".raw .key");
  },
};
