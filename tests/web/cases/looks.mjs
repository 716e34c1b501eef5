// What people see: nothing that axe finds fault with, in both themes, and pictures to look at.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { pictures } from "../runner/paths.mjs";
import { expect } from "../runner/until.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

async function pages(gateway) {
  const first = async (query) => (await gateway.read(`/deployments?limit=1&${query}`)).items[0];
  const failed = await first("status=failed&provider=scalingo");
  const succeeded = await first("status=succeeded&provider=cloud66");
  return [
    ["board", "/", "main .cell"],
    ["board-grouped", "/?group=owner&status=failed", "main .cell"],
    ["feed", "/feed", "main .row"],
    ["feed-empty", "/feed?q=nothingislikethis", "main .empty"],
    ["deployment-failed", `/deployments/${failed.id}`, ".facts dt"],
    ["deployment-succeeded", `/deployments/${succeeded.id}`, ".facts dt"],
    ["deployment-raw", `/deployments/${failed.id}?tab=raw`, ".raw"],
    ["application", `/applications/${failed.application_id}`, "main .row"],
    ["insights", "/insights", ".chart a"],
    ["insights-year", `/insights?days=365&application=${failed.application_id}`, ".chart a"],
    ["sign-in", "/sign-in", "#token"],
  ];
}

export const cases = {
  async "axe finds nothing, in both themes, and pictures are taken"({ url, browserPerson, gateway }) {
    const found = [];
    for (const theme of ["light", "dark"]) {
      for (const [size, width] of [["wide", 1380], ["narrow", 400]]) {
        const person = await browserPerson({ theme, width, height: size === "wide" ? 900 : 860 });
        const page = await person.page();
        for (const [name, path, ready] of await pages(gateway)) {
          await page.goto(url + path);
          await page.waitForSelector(ready);
          await page.waitForFunction(() => !document.querySelector("main .skeleton"));
          await page.evaluate(() => document.fonts.ready);
          await page.screenshot({ path: join(pictures, `${name}-${size}-${theme}.png`) });
          if (size === "narrow") {
            const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
            if (overflow > 0) found.push(`${name} ${theme}: ${overflow} px wider than a telephone`);
          }
          // In the page's own world, where its policy would refuse a script tag.
          await page.evaluate(axe);
          const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
          for (const { id, help, nodes } of result.violations) {
            found.push(`${name} ${size} ${theme}: ${id} (${help}): ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" ;; ")}`);
          }
        }
        expect(person.complaints.length === 0, person.complaints.join("\n"));
        await person.close();
      }
    }
    expect(found.length === 0, found.join("\n"));
  },
};
