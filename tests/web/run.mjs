// The dashboard in a real browser, against a live demo.
//   node run.mjs            all
//   node run.mjs board      those whose name has the word

import { launch, person as newPerson, serious } from "./runner/browser.mjs";
import { Gateway } from "./runner/gateway.mjs";
import { pictures } from "./runner/paths.mjs";
import { startProxy } from "./runner/proxy.mjs";
import { checkTypes } from "./runner/types.mjs";
import { cases as access } from "./cases/access.mjs";
import { cases as actions } from "./cases/actions.mjs";
import { cases as insights } from "./cases/insights.mjs";
import { cases as looks } from "./cases/looks.mjs";
import { cases as moving } from "./cases/moving.mjs";
import { cases as reading } from "./cases/reading.mjs";
import { cases as trouble } from "./cases/trouble.mjs";

const words = process.argv.slice(2);
const chosen = (cases) => Object.entries(cases).filter(([name]) => words.every((word) => name.includes(word)));

let passed = 0;
const failed = [];
async function test(name, run) {
  const begin = Date.now();
  try {
    await run();
    passed += 1;
    console.log(`test ${name} ... ok (${((Date.now() - begin) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed.push(name);
    console.log(`test ${name} ... FAILED\n  ${error.message}`);
  }
}

/** Runs cases against one gateway. */
async function against(options, groups) {
  const cases = groups.flatMap(chosen);
  if (cases.length === 0) return;
  let gateway;
  await test("a gateway starts", async () => (gateway = await Gateway.start(options)));
  if (!gateway) return;
  const proxy = await startProxy(gateway.url);
  const browser = await launch();
  try {
    for (const [name, run] of cases) {
      await test(name, async () => {
        const person = await newPerson(browser);
        let isForgiven = false;
        try {
          await run({
            url: gateway.url,
            gateway,
            proxy,
            person,
            browserPerson: (more) => newPerson(browser, more),
            forgive: () => (isForgiven = true),
          });
          const complaints = isForgiven ? serious(person.complaints) : person.complaints;
          if (complaints.length > 0) throw new Error(`the console says: ${complaints.join("\n")}`);
        } finally {
          await person.close();
        }
      });
    }
  } finally {
    await browser.close();
    proxy.close();
    await gateway.stop();
  }
}

if (words.length === 0 || words.includes("types")) await test("the modules' types agree with the OpenAPI document", checkTypes);
if (!words.includes("types")) {
  await against({}, [moving, insights, actions, reading, looks, trouble]);
  await against({ requireToken: true }, [access]);
}
console.log(`\ntest result: ${failed.length === 0 ? "ok" : "FAILED"}. ${passed} passed; ${failed.length} failed`);
console.error(`web: pictures of the pages are in ${pictures}`);
process.exit(failed.length === 0 ? 0 : 1);
