// Records what a gateway with simulated providers answers, as the examples of the documents.
//   cargo build -p slipway && node tests/clients/record-examples.mjs && cargo xtask openapi

import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { Gateway } from "./runner/gateway.mjs";
import { servedFreezes } from "./runner/freezes.mjs";
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
  const { application_id, account } = deployment;
  // As texts in the query, and as values in the path.
  const queries = {
    listDeployments: "provider=scalingo&status=succeeded&limit=1",
    listApplicationDeployments: "status=succeeded&limit=1",
    listApplications: "provider=scalingo&limit=1",
    getDeploymentInsights: "application=" + deployment.application_id,
    explainInsight: "metric=duration&limit=2&application=" + deployment.application_id,
    listEvents: `after=${encodeURIComponent(finished.event_cursor)}&type=deployment.finished&limit=1&wait=25`,
    getBoard: "limit=1",
    listAnnotations: "from=2000-01-01T00:00:00Z&status=succeeded&limit=1",
  };
  const path = { application_id, deployment_id: deployment.id, account };
  const examples = {
    Problem: await ask(`/deployments/${NOBODY}`, 404),
    getDeploymentLog: await text(`/deployments/${deployment.id}/logs?tail=4`),
    listFreezes: await servedFreezes(),
    createPreview: await ask("/previews", 200, { action: "trigger", application_id, git_ref: "main" }),
    ...(await writes(application_id)),
  };
  const document = await (await fetch(`${gateway.url}/openapi.json`)).json();
  for (const [template, { get }] of Object.entries(document.paths)) {
    if (!get?.responses["200"]?.content?.["application/json"] || !template.startsWith("/api/v1")) continue;
    if (get.operationId in examples) continue;
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

/** What is changed at a provider: with the first that takes it, because another may be busy. */
async function writes(application) {
  const examples = { refreshApplication: await ask(`/applications/${application}/refresh`, 202, {}) };
  const actions = { triggerDeployment: "trigger", redeployDeployment: "redeploy", rollbackDeployment: "rollback", cancelDeployment: "cancel" };
  for (const [operation, action] of Object.entries(actions)) {
    examples[operation] = await write(action);
    say(`${operation}: recorded`);
  }
  return examples;
}

async function write(action) {
  const [list, make] =
    action === "trigger"
      ? ["/applications?limit=200", ({ id }) => ask(`/applications/${id}/deployments`, 202, { git_ref: "main" })]
      : ["/deployments?limit=200", ({ id }) => ask(`/deployments/${id}/${action}`, 202, {})];
  let last;
  for (let tries = 0; tries < 60; tries += 1) {
    const { items } = await ask(list);
    for (const item of items.filter(({ allowed_actions }) => allowed_actions.includes(action)).slice(0, 5)) {
      try {
        return await make(item);
      } catch (error) {
        last = error;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  throw new Error(`${action}: nothing took it. ${last?.message ?? ""}`);
}

async function text(path) {
  const headers = { Authorization: `Bearer ${gateway.about.admin_token}` };
  const answer = await fetch(`${gateway.url}/api/v1${path}`, { headers });
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.text();
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
