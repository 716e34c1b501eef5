// The real npm client of Scalingo against a live simulator. See README.md for the environment it needs.
import assert from "node:assert/strict";
import { clientFromToken } from "scalingo";

const within = Number(process.env.CHECK_TIMEOUT_MS ?? 120_000);
const env = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set, see README.md`);
  return value;
};
const apiUrl = env("SCALINGO_API_URL");
const authApiUrl = env("SCALINGO_AUTH_URL");
const token = env("SCALINGO_TOKEN");
const controlUrl = env("SIMULATOR_CONTROL_URL");

let checks = 0;
const check = async (what, run) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${within} ms`)), within);
  });
  try {
    const result = await Promise.race([run(), late]);
    console.log(`ok ${++checks} ${what}`);
    return result;
  } finally {
    clearTimeout(timer);
  }
};
const once = (register) => new Promise((resolve) => register(resolve));
const isRunning = (status) => ["queued", "building", "pushing", "starting"].includes(status);

async function main() {
  const client = await check("exchange: clientFromToken", async () => {
    await assert.rejects(clientFromToken("tk-us-wrong", { apiUrl, authApiUrl }), (error) => error.status === 401);
    return clientFromToken(token, { apiUrl, authApiUrl });
  });

  const app = await check("apps: all and find by name and id", async () => {
    const apps = await client.Apps.all();
    assert.ok(apps.length > 0);
    for (const key of [apps[0].id, apps[0].name]) {
      assert.equal((await client.Apps.find(key)).id, apps[0].id);
    }
    return apps[0];
  });

  const listed = await check("deployments: list with paging", async () => {
    const ids = new Set();
    const perPage = 3;
    for (let page = 1; page !== null; ) {
      const { deployments, meta } = await client.Deployments.for(app.id, { page, per_page: perPage });
      assert.ok(deployments.length <= perPage);
      assert.equal(meta.pagination.current_page, page);
      deployments.forEach((deployment) => ids.add(deployment.id));
      page = meta.pagination.next_page;
      if (page === null) assert.equal(ids.size, meta.pagination.total_count);
    }
    const { deployments } = await client.Deployments.for(app.id, {});
    assert.ok(deployments.length <= 20);
    return deployments;
  });

  await check("deployments: find", async () => {
    const found = await client.Deployments.find(app.id, listed[0].id);
    assert.equal(found.id, listed[0].id);
    assert.ok(found.pusher.username && found.created_at && found.links.output);
  });

  await check("deployments: logs as text", async () => {
    const logs = await client.Deployments.logs(app.id, listed[0].id);
    assert.equal(typeof logs, "string");
    assert.match(logs, /-----> /);
  });

  await check("errors: 404 is an APIError with status and data", async () => {
    const is404 = (resource) => (error) => {
      assert.equal(error.status, 404);
      assert.deepEqual(error.data, { resource, error: "not found" });
      return true;
    };
    await assert.rejects(client.Apps.find("no-such-app"), is404("app"));
    await assert.rejects(client.Deployments.find(app.id, "00000000-0000-4000-8000-000000000000"), is404("deployment"));
  });

  await check("errors: 422 names the field", async () => {
    const wrong = client.Deployments.create(app.id, { git_ref: "-x", source_url: "https://example.com/a.tar.gz" });
    await assert.rejects(wrong, (error) => error.status === 422 && Array.isArray(error.data.errors.git_ref));
  });

  await check("cache: purgeCache", async () => {
    await client.Deployments.purgeCache(app.id);
  });

  // Handlers must be attached in the same tick: the listener connects in its constructor.
  const listener = await client.Apps.deploymentListener(app.id);
  const seen = { new: [], log: [], status: [] };
  const replayed = once((resolve) =>
    listener.onLog((log) => {
      seen.log.push(log);
      resolve();
    }),
  );
  listener.onNew((data) => seen.new.push(data));
  const closed = once((resolve) => listener.onClose(resolve));
  listener.onStatus((status) => seen.status.push(status));

  await check("listener: onLog replays what exists", () => replayed);

  const created = await check("deployments: create", async () => {
    const source_url = "https://github.com/Scalingo/sample-go-martini/archive/master.tar.gz";
    const deployment = await client.Deployments.create(app.id, { git_ref: "master", source_url });
    assert.ok(isRunning(deployment.status));
    assert.equal(deployment.finished_at, null);
    return deployment;
  });

  await check("listener: onStatus tells the end", async () => {
    const end = () => seen.status.find((status) => status.id === created.id && !isRunning(status.status));
    while (!end()) await new Promise((resolve) => setTimeout(resolve, 20));
    const { status } = end();
    const found = await client.Deployments.find(app.id, created.id);
    assert.equal(found.status, status);
    assert.notEqual(found.finished_at, null);
  });

  await check("listener: onNew carried the deployment", async () => {
    assert.ok(seen.new.some((data) => data.deployment.id === created.id && data.deployment.pusher.username));
  });

  await check("listener: onLog carried every line of the stored output", async () => {
    const live = seen.log.filter((log) => log.id === created.id).map((log) => log.content.trimEnd());
    const stored = await client.Deployments.logs(app.id, created.id);
    assert.deepEqual(live, stored.trimEnd().split("\n").map((line) => line.trimEnd()));
  });

  await check("listener: onClose after close", async () => {
    listener.close();
    await closed;
  });

  await check("listener: onClose when the server breaks the connection", async () => {
    const broken = await client.Apps.deploymentListener(app.id);
    const opened = once((resolve) => broken.onLog(resolve));
    const gone = once((resolve) => broken.onClose(resolve));
    await opened;
    const fault = { provider: "scalingo", kind: "drop_socket", path_contains: app.name };
    const set = await fetch(`${controlUrl}/faults`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(fault),
    });
    assert.equal(set.status, 201);
    assert.equal((await gone).code, 1006);
  });
}

main().then(
  () => console.log(`${checks} checks passed`),
  (error) => {
    console.error(error);
    // A listener that is still open would keep the process.
    process.exit(1);
  },
);
