// The client of openapi-typescript and openapi-fetch against a running gateway.

import createClient from "openapi-fetch";

import type { components, paths } from "../generated/openapi-typescript.js";
import { NOBODY, adminToken, check, eventually, step, token, unknownStatuses, url } from "./steps.js";

type Deployment = components["schemas"]["Deployment"];

const client = createClient<paths>({
  baseUrl: url,
  headers: { Authorization: `Bearer ${token}` },
  // Lists in the query are separated by commas.
  querySerializer: { array: { style: "form", explode: false } },
});

await step("a filtered list", async () => {
  const query = { status: ["succeeded" as const, "failed" as const], provider: ["scalingo"], limit: 20 };
  const { data } = await client.GET("/api/v1/deployments", { params: { query } });
  check(data && data.items.length === 20, "twenty deployments");
  for (const item of data.items) {
    check(item.provider === "scalingo" && query.status.includes(item.status as "failed"), `${item.id} does not fit`);
  }
});

async function list(next: { cursor?: string }): Promise<components["schemas"]["DeploymentList"]> {
  const query = { provider: ["cloud66"], limit: 50, ...next };
  const { data } = await client.GET("/api/v1/deployments", { params: { query } });
  check(data, "a page");
  return data;
}

const all = await step("every page", async () => {
  const found = new Map<string, Deployment>();
  let pages = 0;
  let next: { cursor?: string } | undefined = {};
  while (next) {
    const page = await list(next);
    pages += 1;
    for (const item of page.items) {
      check(!found.has(item.id), `${item.id} twice`);
      found.set(item.id, item);
    }
    next = page.next_cursor === null ? undefined : { cursor: page.next_cursor };
  }
  check(pages > 2 && found.size > 100, `${found.size} deployments on ${pages} pages`);
  return [...found.values()];
});

await step("one deployment, its application and its timeline", async () => {
  const item = all.at(-1);
  check(item, "a deployment");
  const path = { deployment_id: item.id };
  const { data } = await client.GET("/api/v1/deployments/{deployment_id}", { params: { path } });
  check(data && data.id === item.id && data.created_at === item.created_at, "the same deployment");
  const application = await client.GET("/api/v1/applications/{application_id}", {
    params: { path: { application_id: data.application_id } },
  });
  check(application.data && application.data.provider === data.provider, "its application");
  const timeline = await client.GET("/api/v1/deployments/{deployment_id}/timeline", { params: { path } });
  check(timeline.data && timeline.data.items.length > 0, "its timeline");
});

await step("a deployment that is not there", async () => {
  const path = { deployment_id: NOBODY };
  const { error, response } = await client.GET("/api/v1/deployments/{deployment_id}", { params: { path } });
  check(response.status === 404 && error, `status ${response.status}`);
  check(error.status === 404 && error.code === "not_found" && !error.retryable, JSON.stringify(error));
});

await step("a request that is wrong", async () => {
  const { error, response } = await client.POST("/api/v1/tokens", {
    body: { name: "wrong", scopes: ["unheard:of"] },
    headers: { Authorization: `Bearer ${adminToken}` },
  });
  check(response.status === 422 && error, `status ${response.status}`);
  check(error.code === "invalid_body" && error.errors[0]?.field === "scopes[0]", JSON.stringify(error));
});

await step("live status by the JSON twin", async () => {
  const { data: list } = await client.GET("/api/v1/deployments", { params: { query: { limit: 1 } } });
  check(list, "a list");
  let after = list.event_cursor;
  const finished = await eventually("a deployment that ends", async () => {
    const { data } = await client.GET("/api/v1/events", { params: { query: { after, wait: 10 } } });
    check(data, "events");
    after = data.next_cursor;
    return data.items.find((event) => event.type === "deployment.finished");
  });
  check(finished.deployment?.is_finished && finished.deployment.status === finished.status, "an end");
});

if (unknownStatuses) {
  await step("a status that nobody has heard of", async () => {
    const { data: list } = await client.GET("/api/v1/deployments", { params: { query: { limit: 1 } } });
    check(list, "a list");
    const item = await eventually("an unknown status", async () => {
      const query = { status: ["unknown" as const], provider: ["scalingo"] };
      const { data } = await client.GET("/api/v1/deployments", { params: { query } });
      check(data, "a list");
      await client.GET("/api/v1/events", { params: { query: { after: data.event_cursor, wait: data.items.length ? 0 : 5 } } });
      return data.items[0];
    });
    check(item.status === "unknown" && item.provider_status !== null, JSON.stringify(item));
    check("added_later" in item, "the field that was added");
  });
}
