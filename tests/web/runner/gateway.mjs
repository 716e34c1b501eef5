// A demo that can be killed and started again at the same address.

import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { program } from "./paths.mjs";
import { until } from "./until.mjs";

const PATIENCE_MS = 90_000;

export class Gateway {
  /** @param {{ requireToken?: boolean }} options */
  constructor({ requireToken = false } = {}) {
    this.flags = requireToken ? ["--require-token"] : [];
    this.folder = mkdtempSync(join(tmpdir(), "slipway-web-"));
    // As root, the database runs as another user, who has to get through.
    chmodSync(this.folder, 0o711);
    this.listen = "127.0.0.1:0";
  }

  static async start(options) {
    const gateway = new Gateway(options);
    const count = async () => (await gateway.read("/deployments?limit=120").catch(() => ({ items: [] }))).items.length;
    try {
      await gateway.launch();
      await until("history has been read", async () => (await count()) === 120, PATIENCE_MS);
    } catch (error) {
      await gateway.stop();
      throw error;
    }
    return gateway;
  }

  async launch() {
    const child = spawn(program, ["demo", "--json", "--listen", this.listen, "--data-dir", join(this.folder, "data"), ...this.flags], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.child = child;
    this.ended = new Promise((resolve) => child.once("close", resolve));
    const line = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("the gateway is not ready")), PATIENCE_MS);
      child.once("error", reject);
      child.once("close", () => reject(new Error("the gateway ended at once")));
      createInterface(child.stdout).once("line", (text) => {
        clearTimeout(timer);
        resolve(text);
      });
    });
    this.about = JSON.parse(line);
    this.url = this.about.url;
    this.listen = new URL(this.url).host;
  }

  /** Reads; a gateway that is just starting may say that its database is not there yet. */
  async read(path) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await (await this.ask("GET", path)).json();
      } catch (error) {
        if (attempt === 20) throw error;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
  }

  async ask(method, path, body) {
    const answer = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: { Authorization: `Bearer ${this.about.admin_token}`, "Content-Type": "application/json" },
      body: body && JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  }

  /** Asks the simulators' control API. */
  async control(method, path, body) {
    const answer = await fetch(this.about.simulators.control + path, {
      method,
      headers: { "Content-Type": "application/json" },
      body: body && JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  }

  async end(signal) {
    this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 30_000);
    await this.ended;
    clearTimeout(timer);
  }

  async stop() {
    await this.end("SIGINT");
    rmSync(this.folder, { recursive: true, force: true });
  }
}
