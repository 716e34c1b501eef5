// What `/freezes` answers: asked of a gateway with a file, because the demo has none.

import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { root } from "./tools.mjs";

const PATIENCE_MS = 60_000;
const TOKEN = "only-for-this-recording";

const configuration = (port, folder) => `
[server]
listen = "127.0.0.1:${port}"
[database]
data_dir = "${folder}/data"
[auth]
read_token = "${TOKEN}"
[[freezes]]
name = "weekend"
reason = "nobody is there to look"
weekly = "Fri 16:00 - Mon 08:00"
time_zone = "Europe/Paris"
environments = ["production"]
labels = { tier = "frontend" }
`;

export async function servedFreezes() {
  const program = process.env.SLIPWAY_PROGRAM ?? join(root, "target/debug/slipway");
  const folder = mkdtempSync(join(tmpdir(), "slipway-freezes-"));
  chmodSync(folder, 0o711);
  const port = await freePort();
  const file = join(folder, "slipway.toml");
  writeFileSync(file, configuration(port, folder));
  const child = spawn(program, ["serve", "--no-sync", "--config", file], { stdio: "ignore" });
  const ended = new Promise((resolve) => child.once("close", resolve));
  try {
    const headers = { Authorization: `Bearer ${TOKEN}` };
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end; ) {
      const answer = await fetch(`http://127.0.0.1:${port}/api/v1/freezes`, { headers }).catch(() => undefined);
      if (answer?.ok) return await answer.json();
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error("/freezes was not answered in time");
  } finally {
    child.kill("SIGINT");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
