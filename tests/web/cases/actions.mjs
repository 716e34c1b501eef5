// What people do: deploy, cancel, and be refused.

import { expect, until } from "../runner/until.mjs";

const posts = (proxy, path) => proxy.seen.filter((request) => request.method === "POST" && request.path.endsWith(path)).length;

export const cases = {
  async "an action says what is sent, and a double click sends it once"({ person, gateway, proxy }) {
    const { items } = await gateway.read("/applications?limit=200");
    const application = items.find(({ allowed_actions, provider }) => provider === "scalingo" && allowed_actions.includes("trigger"));
    expect(application, "no application can be deployed");
    const page = await person.page();
    await page.goto(`${proxy.url}/applications/${application.id}`);
    await page.click("[data-action=trigger]");
    const effect = () => page.textContent("dialog .effect");
    expect(await page.$("dialog input[name=git_ref]:required"), "what nothing configures has to be said");
    expect(!(await page.$("dialog .effect")) && !(await page.$("dialog .refusal")), "nothing is asked before");
    await page.fill("dialog input[name=git_ref]", "release-7");
    await page.waitForSelector("dialog .effect");
    await until("the effect has the ref", async () => (await effect()).includes("release-7"));
    expect((await effect()).includes(`POST http`) && (await effect()).includes(application.provider_application_id), await effect());
    const path = `/applications/${application.id}/deployments`;
    const before = posts(proxy, path);
    await page.dblclick("dialog button[type=submit]");
    await page.waitForURL("**/deployments/**");
    await page.waitForSelector(".headline .status");
    expect(posts(proxy, path) === before + 1, `${posts(proxy, path) - before} writes for a double click`);
    const id = new URL(page.url()).pathname.split("/")[2];
    const made = await gateway.read(`/deployments/${id}`);
    expect(made.application_id === application.id && made.git.ref === "release-7", JSON.stringify(made.git));
    expect(!(await page.$("dialog")), "the dialog is gone");
  },

  async "what cannot be done is greyed with the reason, and a click does nothing"({ url, person, gateway }) {
    const { items } = await gateway.read("/deployments?limit=50&status=succeeded,failed");
    const deployment = items.find(({ blocked_actions }) => blocked_actions.length > 0);
    const page = await person.page();
    await page.goto(`${url}/deployments/${deployment.id}`);
    await page.waitForSelector(".actions button");
    for (const { action, reason } of deployment.blocked_actions) {
      const button = `[data-action=${action}][aria-disabled=true]`;
      expect((await page.getAttribute(button, "title")) === reason, `${action}: ${await page.getAttribute(button, "title")}`);
      expect((await page.getAttribute(button, "aria-label")).includes(reason), "those who listen hear it, too");
      await page.click(button, { force: true });
      expect(!(await page.$("dialog")), `${action} opens nothing`);
    }
  },

  async "a refusal is told in the dialog, and nothing was sent twice"({ person, gateway, proxy, forgive }) {
    forgive();
    await gateway.control("POST", "/deployments", { provider: "cloud66", count: 3 });
    const running = await until(
      "something can be canceled",
      async () => (await gateway.read("/deployments?status=queued,in_progress&limit=50")).items.find(({ allowed_actions }) => allowed_actions.includes("cancel")),
      60_000,
    );
    const page = await person.page();
    await page.goto(`${proxy.url}/deployments/${running.id}`);
    await page.click("[data-action=cancel]:not([aria-disabled])");
    await page.waitForSelector("dialog .effect");
    await until("it has ended by itself", async () => (await gateway.read(`/deployments/${running.id}`)).is_finished, 120_000);
    await page.click("dialog button[type=submit]");
    await page.waitForSelector("dialog .refusal");
    expect(/ended|finished/.test(await page.textContent("dialog .refusal")), await page.textContent("dialog .refusal"));
    expect(posts(proxy, `/deployments/${running.id}/cancel`) === 1, "one request");
  },
};
