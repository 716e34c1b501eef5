// Types of the dashboard's modules, against those of the OpenAPI document.

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { root, web } from "./paths.mjs";

const run = promisify(execFile);

export async function checkTypes() {
  const tool = (name) => join(web, "node_modules/.bin", name);
  const document = join(root, "openapi/slipway-v1.json");
  const types = join(root, "crates/dashboard/types/api.d.ts");
  await run(tool("openapi-typescript"), [document, "--output", types], { cwd: web });
  await run(tool("tsc"), ["--project", "."], { cwd: web }).catch((error) => {
    throw new Error(error.stdout || error.message);
  });
}
