// The documents themselves: whether they are valid, and whether the server keeps to them.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { compat, current, freshFolder, here, python, run } from "./tools.mjs";
import { go, java } from "./openapi-generator.mjs";

const folder = join(here, "document");
const environment = () => python("document", join(folder, "requirements.txt"));

const validity = {
  name: "documents",
  preparing: "both documents against the specification of their version",
  async prepare() {
    const bin = await environment();
    await run(join(bin, "python"), ["-m", "openapi_spec_validator", current, compat]);
  },
};

/**
 * The rounds. Checks that are off, and why:
 * - `negative_data_rejection` where requests are drawn at random: a query has no types, and what becomes of an object in
 *   the place of a list is a text like any other. The first round, which goes through the ways to be wrong one by one,
 *   keeps it.
 * - `positive_data_acceptance` where cursors are tried: no schema tells those that the gateway gave from other texts.
 * - `positive_data_acceptance` of triggers and previews: which fields a provider takes depends on the application.
 */
const ROUNDS = [
  { document: exactDocument, arguments: ["--phases", "examples,coverage"] },
  {
    document: exactDocument,
    arguments: ["--phases", "fuzzing,stateful", "--max-examples", "150", "--exclude-checks", "negative_data_rejection"],
  },
  {
    document: () => current,
    arguments: ["--max-examples", "50", "--exclude-checks", "negative_data_rejection,positive_data_acceptance"],
  },
];

const schemathesis = {
  name: "schemathesis",
  preparing: "bringing what tries the server against the 3.1 document",
  does: "thousands of requests, right and wrong, to every operation but the streams; takes some minutes",
  onlyOnce: true,
  prepare: environment,
  async run(env) {
    const bin = await environment();
    const { SLIPWAY_URL: url, SLIPWAY_ADMIN_TOKEN: token } = env;
    const known = await knownIds(url, token);
    const failures = [];
    for (const round of ROUNDS) {
      const isExact = round.document === exactDocument;
      const config = ["--config-file", configuration(isExact ? parameters(known) : ofLogs(known)), "run"];
      const where = ["--url", url, "--header", `Authorization: Bearer ${token}`];
      // A log is waited for that the provider has to be asked for.
      const arguments_ = [...config, round.document(known), ...round.arguments, ...where, "--request-timeout", "30"];
      const options = { cwd: freshFolder("schemathesis"), show: true, minutes: 40 };
      await run(join(bin, "schemathesis"), arguments_, options).catch((error) => failures.push(error.message));
    }
    if (failures.length > 0) throw new Error(failures.join("\n"));
  },
};

/** An application and a deployment of each provider, because ids that are made up are hardly ever those of something. */
async function knownIds(url, token) {
  const ask = async (path) => {
    const answer = await fetch(`${url}/api/v1${path}`, { headers: { Authorization: `Bearer ${token}` } });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
  const newest = async (provider) => {
    const list = await ask(`/deployments?provider=${provider}&status=succeeded&live=false&limit=1`);
    return (await list.json()).items[0];
  };
  const [cloud66, scalingo] = [await newest("cloud66"), await newest("scalingo")];
  // From now on it is stored, and no provider with a rate limit has to be asked.
  await ask(`/deployments/${scalingo.id}/logs`);
  return { cloud66, scalingo };
}

/** By operation. */
function parameters({ cloud66, scalingo }) {
  const { account, application_id, id: deployment_id } = scalingo;
  return {
    getAccount: { account },
    getApplication: { application_id },
    refreshApplication: { application_id },
    listApplicationDeployments: { application_id },
    triggerDeployment: { application_id: cloud66.application_id },
    redeployDeployment: { deployment_id: cloud66.id },
    rollbackDeployment: { deployment_id },
    cancelDeployment: { deployment_id: cloud66.id },
    getDeploymentLog: { deployment_id },
    getDeploymentTimeline: { deployment_id },
  };
}

/** A log that is not stored yet has to wait for the provider, whose rate limit these thousands of requests use up: a 503. */
const ofLogs = (known) => ({ getDeploymentLog: parameters(known).getDeploymentLog });

/** The settings, with ids for the operations that are named. */
function configuration(known) {
  const operations = Object.entries(known).map(([operation, parameters]) => {
    const lines = Object.entries(parameters).map(([name, value]) => `parameters."path.${name}" = "${value}"`);
    return ["[[operations]]", `include-operation-id = "${operation}"`, ...lines].join("\n");
  });
  const path = join(freshFolder("schemathesis-config"), "schemathesis.toml");
  writeFileSync(path, [readFileSync(join(folder, "schemathesis.toml"), "utf8"), ...operations].join("\n\n"));
  return path;
}

/** Made of a text that only the gateway can write; and what excludes some orders. */
const LEFT_OUT = ["cursor", "min_cursor", "after", "finished_after", "finished_before", "from", "to", "If-Match"];

/** Visible, at most 255 characters, and no comma: names of services and the like. */
const NAME = "^[^\\s,\\x00-\\x1f\\x7f-\\x9f]{1,255}$";

/** What a provider may be handed, as both documents say it in prose. */
const WRITTEN = {
  git_ref: { pattern: "^(?!-)(?!.*\\.\\.)[^\\s\\x00-\\x1f\\x7f-\\x9f]{1,255}$" },
  source_url: { pattern: "^https?://[^\\s\\x00-\\x1f\\x7f-\\x9f]*$", maxLength: 2000 },
  deployment_profile: { pattern: NAME },
};

/**
 * The 3.1 document with what it leaves to prose: no cursors, nothing that excludes something else, what a value in a list
 * may be, and how much fits into a URI. Patterns in the document itself would make a type of its own of each parameter in
 * generated Rust.
 */
function exactDocument(known) {
  const document = JSON.parse(readFileSync(current, "utf8"));
  for (const item of Object.values(document.paths)) {
    for (const operation of Object.values(item)) {
      operation.parameters = operation.parameters?.filter(({ name }) => !LEFT_OUT.includes(name));
      for (const { name, schema } of operation.parameters ?? []) {
        if (name === "time_zone") schema.enum = ["UTC", "Europe/Paris", "America/New_York"];
        if (name === "Idempotency-Key") schema.pattern = "^[\\x21-\\x7e]{1,255}$";
        // Two requirements may exclude each other, which is refused.
        if (name === "label") schema.pattern = schema.pattern?.replace(/\(,.*$/, "$");
        if (schema.type !== "array") continue;
        Object.assign(schema, { minItems: 1, maxItems: 3 });
        plain(schema.items);
        // So that three of each fit into a URI.
        if (schema.items.pattern) schema.items.maxLength ??= 30;
      }
    }
  }
  for (const { properties } of [document.components.schemas.NewDeployment, document.components.schemas.NewPreview]) {
    for (const [name, more] of Object.entries(WRITTEN)) Object.assign(properties[name], more);
    properties.services.maxItems = 100;
    properties.services.items.pattern = NAME;
  }
  document.components.schemas.NewPreview = preview(document.components.schemas.NewPreview, known);
  // A token or a code: one of them, and not null.
  const { NewSession } = document.components.schemas;
  Object.assign(NewSession, { minProperties: 1, maxProperties: 1 });
  for (const name of Object.keys(NewSession.properties)) NewSession.properties[name] = { type: "string" };
  // For providers, and in no document: whatever comes without the secret is refused.
  document.paths["/api/v1/inbound/{account}/{secret}"] = inbound();
  // Refused: an end in the past, a scope that does not exist (an open list), and restrictions of `admin`.
  const { NewToken, NewRestrictions } = document.components.schemas;
  delete NewToken.properties.expires_at;
  NewToken.properties.scopes.items.enum ??= ["deployments:read", "events:read", "raw:read"];
  plain(NewToken.properties.name);
  // At most 255 characters.
  for (const { items } of Object.values(NewRestrictions.properties)) plain(Object.assign(items, { maxLength: 255 }));
  const path = join(freshFolder("exact-document"), "slipway-v1.json");
  writeFileSync(path, JSON.stringify(document));
  return path;
}

/** What each action takes, of what there is. */
function preview({ properties }, { cloud66, scalingo }) {
  const { action, application_id, deployment_id, ...details } = properties;
  const ids = (key) => [cloud66, scalingo].map((deployment) => deployment[key]);
  const one = (required, properties) => ({ type: "object", required, properties, additionalProperties: false });
  return {
    oneOf: [
      one(["action", "application_id"], {
        action: { enum: ["trigger"] },
        application_id: { enum: ids("application_id") },
        ...details,
      }),
      one(["action", "deployment_id"], {
        action: { enum: ["redeploy", "rollback", "cancel"] },
        deployment_id: { enum: ids("id") },
      }),
    ],
  };
}

function inbound() {
  const parameters = ["account", "secret"].map((name) => ({ name, in: "path", required: true, schema: { type: "string" } }));
  const content = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } };
  return {
    post: {
      operationId: "receiveWebhook",
      tags: ["inbound"],
      security: [],
      parameters,
      requestBody: { content: { "application/json": { schema: {} } } },
      responses: { 202: { description: "Taken in." }, default: { description: "An error.", content } },
    },
  };
}

/** A name: not empty, no comma, no control characters. */
function plain(schema) {
  if (schema.type !== "string" || schema.format || schema.pattern || schema.enum) return;
  Object.assign(schema, { minLength: 1, pattern: "^[^,\\x00-\\x1f\\x7f-\\x9f]+$" });
}

export const contracts = [validity, go, java, schemathesis];
