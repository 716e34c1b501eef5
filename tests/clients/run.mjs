// Generates clients from the committed documents and runs them against a live gateway.
//   node run.mjs                 those of every test run
//   node run.mjs --all           all of them, and the document against the server
//   node run.mjs hey-api …       these
// SLIPWAY_PROGRAM is the gateway, CLIENTS_FOLDER is for what may be kept between runs.

import { contracts } from "./runner/contracts.mjs";
import { clients } from "./runner/clients.mjs";
import { Gateway } from "./runner/gateway.mjs";
import { startProxy } from "./runner/proxy.mjs";
import { say } from "./runner/tools.mjs";

const all = [...contracts, ...clients];
const [named, flags] = [[], []];
for (const word of process.argv.slice(2)) (word.startsWith("--") ? flags : named).push(word);
const unknown = [...named.filter((name) => !all.some((client) => client.name === name)), ...flags.filter((flag) => flag !== "--all")];
if (unknown.length > 0) {
  console.error(`clients: unknown: ${unknown.join(", ")}; known: --all, ${all.map((client) => client.name).join(", ")}`);
  process.exit(2);
}
const chosen = all.filter((client) =>
  named.length > 0 ? named.includes(client.name) : client.everyRun || flags.includes("--all"),
);

let passed = 0;
const failed = [];
async function test(name, run) {
  const begin = Date.now();
  try {
    await run();
    passed += 1;
    console.log(`test ${name} ... ok (${((Date.now() - begin) / 1000).toFixed(1)} s)`);
    return true;
  } catch (error) {
    failed.push(name);
    console.log(`test ${name} ... FAILED\n  ${error.message}`);
    return false;
  }
}

const ready = [];
for (const client of chosen) {
  say(`${client.name}: ${client.preparing}`);
  if (await test(`${client.name}: generate`, () => client.prepare())) ready.push(client);
}
const running = ready.filter((client) => client.run);
if (running.length > 0) {
  say("starting a gateway with simulated providers");
  let gateway;
  try {
    if (!(await test("gateway: start", async () => (gateway = await Gateway.start())))) process.exit(finish());
    for (const client of running) {
      say(`${client.name}: ${client.does ?? "against the gateway"}`);
      await test(`${client.name}: run`, () => client.run(gateway.environment()));
    }
    const tolerant = running.filter((client) => !client.onlyOnce);
    if (tolerant.length > 0) {
      say("the same clients, while every object has a new field and Scalingo says statuses that nobody has heard of");
      const proxy = await startProxy(gateway.url);
      await gateway.control("POST", "/faults", { provider: "scalingo", kind: "unknown_status" });
      await gateway.control("POST", "/deployments", { provider: "scalingo", scenario: "success", count: 3 });
      for (const client of tolerant) {
        await test(`${client.name}: run against a newer gateway`, () =>
          client.run({ ...gateway.environment(), SLIPWAY_URL: proxy.url, SLIPWAY_UNKNOWN_STATUSES: "true" }),
        );
      }
      proxy.close();
    }
  } finally {
    await gateway?.stop();
  }
}
process.exit(finish());

/** The last word, and what it means for whoever called. */
function finish() {
  console.log(`\ntest result: ${failed.length === 0 ? "ok" : "FAILED"}. ${passed} passed; ${failed.length} failed`);
  failed.forEach((name) => say(`failed: ${name}`));
  return failed.length === 0 ? 0 : 1;
}
