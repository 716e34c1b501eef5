// The clients that are generated, and how each is made and run.

import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";

import { current, folder, freshFolder, generators, here, nodePackages, python, run } from "./tools.mjs";
import { generate } from "./openapi-generator.mjs";

const typescript = join(here, "typescript");
const scripts = join(here, "python");

/** Compiles without one complaint; gives what runs it. */
async function compile(name, bin) {
  await run(join(bin, "tsc"), ["-p", `tsconfig.${name}.json`], { cwd: typescript });
}

function runTypescript(name) {
  return (env) => run(process.execPath, [join(typescript, "build/src", `${name}.js`)], { env });
}

function runPython(environment, script, package_) {
  return async (env) => {
    const bin = await python(environment, join(scripts, `requirements-${environment}.txt`));
    await run(join(bin, "python"), [join(scripts, script)], {
      env: { ...env, PYTHONPATH: package_, PYTHONDONTWRITEBYTECODE: "1" },
    });
  };
}

const openapiFetch = {
  name: "openapi-fetch",
  everyRun: true,
  preparing: "openapi-typescript makes types of the 3.1 document, and tsc checks the program that uses them",
  async prepare() {
    const bin = await nodePackages(typescript);
    await run(join(bin, "openapi-typescript"), [current, "-o", join(typescript, "generated/openapi-typescript.ts")]);
    await compile("openapi-fetch", bin);
  },
  run: runTypescript("openapi-fetch"),
};

const heyApi = {
  name: "hey-api",
  preparing: "hey-api makes a client of the 3.1 document that follows server-sent events",
  async prepare() {
    const bin = await nodePackages(typescript);
    const output = join(typescript, "generated/hey-api");
    await run(join(bin, "openapi-ts"), ["-f", join(generators, "hey-api.config.mjs"), "-i", current, "-o", output]);
    await compile("hey-api", bin);
  },
  run: runTypescript("hey-api"),
};

const openapiPythonClient = {
  name: "openapi-python-client",
  everyRun: true,
  preparing: "openapi-python-client makes a client of the 3.1 document",
  async prepare() {
    const bin = await python("openapi-python-client", join(scripts, "requirements-openapi-python-client.txt"));
    const config = join(generators, "openapi-python-client.yaml");
    const output = freshFolder("openapi-python-client");
    const arguments_ = ["--path", current, "--config", config, "--output-path", output, "--overwrite", "--fail-on-warning"];
    await run(join(bin, "openapi-python-client"), ["generate", ...arguments_]);
  },
  run: (env) =>
    runPython("openapi-python-client", "openapi_python_client.py", folder("openapi-python-client"))(env),
};

const progenitor = {
  name: "progenitor",
  everyRun: true,
  preparing: "progenitor makes a Rust client of the 3.0.3 document (the first build takes some minutes)",
  async prepare() {
    const manifest = join(here, "progenitor/Cargo.toml");
    const cargo = process.env.CARGO ?? "cargo";
    const arguments_ = ["build", "--quiet", "--locked", "--manifest-path", manifest, "--target-dir", folder("progenitor")];
    await run(cargo, arguments_, { minutes: 40 });
  },
  run: (env) => run(join(folder("progenitor"), "debug/slipway-test-progenitor-client"), [], { env }),
};

const generatorPython = {
  name: "openapi-generator-python",
  preparing: "openapi-generator makes a Python client of the 3.0.3 document",
  prepare: () => generate("python", freshFolder("openapi-generator-python")),
  run: (env) => runPython("openapi-generator", "openapi_generator.py", folder("openapi-generator-python"))(env),
};

const generatorTypescript = {
  name: "openapi-generator-typescript-fetch",
  preparing: "openapi-generator makes a TypeScript client of the 3.0.3 document",
  async prepare() {
    const bin = await nodePackages(typescript);
    const output = freshFolder("openapi-generator-typescript-fetch");
    await generate("typescript-fetch", output);
    // Beside the program, so that its imports are found.
    const beside = join(typescript, "generated/typescript-fetch");
    rmSync(beside, { recursive: true, force: true });
    cpSync(output, beside, { recursive: true });
    await compile("typescript-fetch", bin);
  },
  run: runTypescript("typescript-fetch"),
};

export const clients = [openapiFetch, openapiPythonClient, progenitor, heyApi, generatorPython, generatorTypescript];
