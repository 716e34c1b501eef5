// Signing in and out, and the end of a token. The gateway of these lets nobody in without one.

import { expect, until } from "../runner/until.mjs";

async function signIn(page, url, token) {
  await page.goto(url);
  await page.fill("#token", token);
  await page.click("button[type=submit]");
}

export const cases = {
  async "a wrong token is refused in words, a right one opens the board"({ url, person, gateway, forgive }) {
    forgive();
    const page = await person.page();
    await signIn(page, url, "wrong");
    await page.waitForSelector(".refusal:not([hidden])");
    await signIn(page, url, gateway.about.read_token);
    await page.waitForSelector("main .cell");
    await page.reload();
    await page.waitForSelector("main .cell");
    expect(!(await page.evaluate(() => document.cookie)).includes("slipway"), "scripts cannot read the session");
    await page.click("#sign");
    await page.waitForSelector("#token");
    await page.goto(url);
    await page.waitForSelector("#token");
  },

  async "a code in the address opens a screen on a wall, once, to look only"({ url, person, browserPerson, gateway, forgive }) {
    forgive();
    const { code } = await (await gateway.ask("POST", "/session-codes")).json();
    const page = await person.page();
    await page.goto(`${url}/#code=${code}`);
    await page.waitForSelector("main .cell");
    expect(!page.url().includes(code), "the code is gone from the address");
    const scopes = await page.evaluate(async () => (await (await fetch("/api/v1/whoami")).json()).scopes);
    expect(!scopes.includes("admin") && scopes.includes("deployments:read"), scopes.join());
    // What it may not do is greyed with the reason.
    await page.click("main .cell");
    await page.waitForSelector(".actions [aria-disabled=true]");
    expect(!(await page.$(".actions button:not([aria-disabled])")), "nothing can be done from a wall");
    const other = await browserPerson();
    const late = await other.page();
    await late.goto(`${url}/#code=${code}`);
    await late.waitForSelector("#token");
    await other.close();
  },

  async "a token that ends: the page asks to sign in, and makes at most 3 requests in the next minute"({ person, gateway, proxy, forgive }) {
    forgive();
    const expires = new Date(Date.now() + 12_000).toISOString();
    const made = await gateway.ask("POST", "/tokens", {
      name: "short",
      scopes: ["deployments:read", "events:read", "logs:read"],
      expires_at: expires,
    });
    const { secret, token } = await made.json();
    const page = await person.page();
    await signIn(page, proxy.url, secret ?? token);
    await page.waitForSelector("main .cell");
    await until("the page is live", async () => /^Live/.test(await page.textContent(".fresh-link")));
    await page.waitForSelector("#token", { timeout: 40_000 });
    const ended = Date.parse(expires);
    await new Promise((resolve) => setTimeout(resolve, ended + 60_000 - Date.now()));
    const after = proxy.seen.filter((request) => request.at > ended).map((request) => request.path);
    expect(after.length <= 3, `${after.length} requests: ${after.join(", ")}`);
    expect(/Signed out/.test(await page.textContent(".fresh-link")), "the bar says so");
    await page.fill("#token", gateway.about.read_token);
    await page.click("button[type=submit]");
    await page.waitForSelector("main .cell");
    await until("the page is live again", async () => /^Live/.test(await page.textContent(".fresh-link")));
  },
};
