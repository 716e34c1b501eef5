// Other programs, and where things are.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const here = dirname(dirname(fileURLToPath(import.meta.url)));
export const root = dirname(dirname(here));
export const openapi = join(root, "openapi");
export const current = join(openapi, "slipway-v1.json");
export const compat = join(openapi, "slipway-v1.compat.json");
export const generators = join(openapi, "generators");

const kept = process.env.CLIENTS_FOLDER ?? join(root, "target/clients");

/** A folder that is kept between runs. */
export function folder(name) {
  const path = join(kept, name);
  mkdirSync(path, { recursive: true });
  return path;
}

/** A folder that is new in every run. */
export function freshFolder(name) {
  rmSync(join(kept, name), { recursive: true, force: true });
  return folder(name);
}

export function say(line) {
  console.error(`clients: ${line}`);
}

/** Runs to the end; what it prints is shown when it fails, or with `show`. */
export function run(program, arguments_, { cwd = here, env = {}, show = false, minutes = 15 } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, arguments_, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (text) => {
        output += text;
        if (show) process.stderr.write(text);
      });
    }
    const timer = setTimeout(() => child.kill("SIGKILL"), minutes * 60_000);
    child.on("error", (error) => reject(new Error(`cannot run ${program}: ${error.message}`)));
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0) return resolve(output);
      const shown = [program.split("/").at(-1), ...arguments_].join(" ");
      const tail = show ? "" : `\n${output.split("\n").slice(-40).join("\n")}`;
      reject(new Error(`\`${shown}\` ended with ${code ?? signal}${tail}`));
    });
  });
}

/** A virtual environment with the packages of a requirements file; gives its bin folder. */
export async function python(name, requirements) {
  const path = join(folder("python"), name);
  const wanted = createHash("sha256").update(readFileSync(requirements)).digest("hex");
  const mark = join(path, "requirements.sha256");
  const bin = join(path, "bin");
  if (existsSync(mark) && readFileSync(mark, "utf8") === wanted) return bin;
  rmSync(path, { recursive: true, force: true });
  say(`bringing the Python packages of ${requirements.slice(root.length + 1)}`);
  await run("python3", ["-m", "venv", path]);
  await run(join(bin, "pip"), ["install", "--quiet", "--no-deps", "-r", requirements]);
  writeFileSync(mark, wanted);
  return bin;
}

/** The locked npm packages of a folder; gives the folder of their programs. */
export async function nodePackages(path) {
  const lock = join(path, "package-lock.json");
  const wanted = createHash("sha256").update(readFileSync(lock)).digest("hex");
  const mark = join(path, "node_modules/.lock.sha256");
  if (!existsSync(mark) || readFileSync(mark, "utf8") !== wanted) {
    say(`bringing the npm packages of ${path.slice(root.length + 1)}`);
    await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: path });
    writeFileSync(mark, wanted);
  }
  return join(path, "node_modules/.bin");
}
