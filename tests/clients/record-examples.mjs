// Records what a gateway with simulated providers answers, as the examples of the documents.
//   cargo build -p slipway && node tests/clients/record-examples.mjs && cargo xtask openapi

import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { Gateway } from "./runner/gateway.mjs";
import { root, say } from "./runner/tools.mjs";

const NOBODY = "00000000-0000-7000-8000-000000000000";
const gateway = await Gateway.start();
try {
  writeFileSync(join(root, "crates/server/src/openapi/examples.json"), `${JSON.stringify(await record(), null, 2)}\n`);
} finally {
  await gateway.stop();
}

async function record() {
  // Something for the lists of tokens and of the audit. The token itself is shown once, and recorded nowhere.
  const none = { providers: [], accounts: [], applications: [], environments: [] };
  const token = { name: "grafana", scopes: ["deployments:read", "events:read"], restrictions: none, expires_at: null };
  await ask("/tokens", 201, token);
  const finished = await ask("/deployments?provider=scalingo&status=succeeded&limit=1");
  const [deployment] = finished.items;
  // As texts in the query, and as values in the path.
  const queries = {
    listDeployments: "provider=scalingo&status=succeeded&limit=1",
    listApplicationDeployments: "status=succeeded&limit=1",
    listApplications: "provider=scalingo&limit=1",
    listEvents: `after=${encodeURIComponent(finished.event_cursor)}&type=deployment.finished&limit=1&wait=25`,
    getBoard: "limit=1",
    listBoard: "limit=1",
  };
  const path = { application_id: deployment.application_id, deployment_id: deployment.id, account: deployment.account };
  const examples = { Problem: await ask(`/deployments/${NOBODY}`, 404) };
  const document = await (await fetch(`${gateway.url}/openapi.json`)).json();
  for (const [template, { get }] of Object.entries(document.paths)) {
    if (!get?.responses["200"]?.content?.["application/json"] || !template.startsWith("/api/v1")) continue;
    const parts = [...template.matchAll(/{(\w+)}/g)].map(([, name]) => name);
    if (parts.some((name) => !(name in path))) {
      say(`${get.operationId}: nothing is known for ${parts.join(", ")}`);
      continue;
    }
    const filled = template.slice("/api/v1".length).replace(/{(\w+)}/g, (_, name) => encodeURIComponent(path[name]));
    examples[get.operationId] = shorter(await ask(`${filled}?${queries[get.operationId] ?? ""}`));
    say(`${get.operationId}: recorded`);
  }
  return examples;
}

async function ask(path, expected = 200, body = undefined) {
  for (let tries = 0; tries < 10; tries += 1) {
    const answer = await fetch(`${gateway.url}/api/v1${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: { Authorization: `Bearer ${gateway.about.admin_token}`, "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const answered = await answer.json();
    if (answer.status !== expected) throw new Error(`${path}: ${JSON.stringify(answered)}`);
    // A long poll may end without news.
    if (!path.includes("wait=") || answered.items.length > 0) return answered;
  }
  throw new Error(`${path}: nothing came`);
}

/** Two of a kind are enough to see what a list is. */
function shorter(value) {
  if (Array.isArray(value)) return value.slice(0, 2).map(shorter);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shorter(inner)]));
}
