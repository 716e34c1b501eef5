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
    const config = ["--config-file", join(folder, "schemathesis.toml"), "run"];
    const failures = [];
    for (const round of ROUNDS) {
      const where = ["--url", url, "--header", `Authorization: Bearer ${token}`];
      const arguments_ = [...config, round.document(), ...round.arguments, ...where];
      const options = { cwd: freshFolder("schemathesis"), show: true, minutes: 40 };
      await run(join(bin, "schemathesis"), arguments_, options).catch((error) => failures.push(error.message));
    }
    if (failures.length > 0) throw new Error(failures.join("\n"));
  },
};

/** Made of a text that only the gateway can write; and what excludes some orders. */
const LEFT_OUT = ["cursor", "min_cursor", "after", "finished_after", "finished_before"];

/**
 * The 3.1 document with what it leaves to prose: no cursors, nothing that excludes something else, what a value in a list
 * may be, and how much fits into a URI. Patterns in the document itself would make a type of its own of each parameter in
 * generated Rust.
 */
function exactDocument() {
  const document = JSON.parse(readFileSync(current, "utf8"));
  for (const item of Object.values(document.paths)) {
    for (const operation of Object.values(item)) {
      operation.parameters = operation.parameters?.filter(({ name }) => !LEFT_OUT.includes(name));
      for (const { name, schema } of operation.parameters ?? []) {
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

/** A name: not empty, no comma, no control characters. */
function plain(schema) {
  if (schema.type !== "string" || schema.format || schema.pattern || schema.enum) return;
  Object.assign(schema, { minLength: 1, pattern: "^[^,\\x00-\\x1f\\x7f-\\x9f]+$" });
}

export const contracts = [validity, go, java, schemathesis];
