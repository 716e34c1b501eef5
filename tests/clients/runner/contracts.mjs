// The documents themselves: whether they are valid, and whether the server keeps to them.

import { join } from "node:path";

import { compat, current, here, python, run } from "./tools.mjs";
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

const schemathesis = {
  name: "schemathesis",
  preparing: "bringing what tries the server against the 3.1 document",
  does: "several thousand requests, valid and broken, to every operation but the streams; takes some minutes",
  onlyOnce: true,
  prepare: environment,
  async run(env) {
    const bin = await environment();
    const { SLIPWAY_URL: url, SLIPWAY_TOKEN: token } = env;
    const arguments_ = ["--config-file", join(folder, "schemathesis.toml"), "run", current, "--url", url];
    await run(join(bin, "schemathesis"), [...arguments_, "--header", `Authorization: Bearer ${token}`], {
      cwd: folder,
      show: true,
      minutes: 40,
    });
  },
};

export const contracts = [validity, go, java, schemathesis];
