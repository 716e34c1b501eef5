// A gateway with simulated providers, as people start it to try it.

import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { root } from "./tools.mjs";

const PATIENCE_MS = 90_000;

export class Gateway {
  static async start() {
    const program = process.env.SLIPWAY_PROGRAM ?? join(root, "target/debug/slipway");
    const folder = mkdtempSync(join(tmpdir(), "slipway-clients-"));
    // As root, the database runs as another user, who has to get through.
    chmodSync(folder, 0o711);
    const child = spawn(program, ["demo", "--json", "--require-token", "--listen", "127.0.0.1:0", "--data-dir", join(folder, "data")], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const gateway = new Gateway();
    gateway.child = child;
    gateway.folder = folder;
    gateway.ended = new Promise((resolve) => child.once("close", resolve));
    const line = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("the gateway is not ready")), PATIENCE_MS);
      child.once("error", reject);
      child.once("close", () => reject(new Error("the gateway ended at once")));
      createInterface(child.stdout).once("line", (line) => {
        clearTimeout(timer);
        resolve(line);
      });
    }).catch(async (error) => {
      await gateway.stop();
      throw error;
    });
    gateway.about = JSON.parse(line);
    await gateway.waitForHistory();
    return gateway;
  }

  get url() {
    return this.about.url;
  }

  environment() {
    return {
      SLIPWAY_URL: this.about.url,
      SLIPWAY_TOKEN: this.about.read_token,
      SLIPWAY_ADMIN_TOKEN: this.about.admin_token,
    };
  }

  /** Until both providers' past has been read, so that there are pages to walk. */
  async waitForHistory() {
    const end = Date.now() + PATIENCE_MS;
    for (const provider of ["cloud66", "scalingo"]) {
      for (let count = 0; count < 120; ) {
        if (Date.now() > end) throw new Error(`only ${count} deployments of ${provider}`);
        const answer = await fetch(`${this.url}/api/v1/deployments?provider=${provider}&limit=120`, {
          headers: { Authorization: `Bearer ${this.about.read_token}` },
        });
        count = (await answer.json()).items.length;
        if (count < 120) await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  }

  /** Asks the simulators' control API. */
  async control(method, path, body) {
    const answer = await fetch(this.about.simulators.control + path, {
      method,
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  }

  async stop() {
    this.child.kill("SIGINT");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 30_000);
    await this.ended;
    clearTimeout(timer);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
