// The client of hey-api against a running gateway: the same as openapi-fetch, and the live stream.

import { client } from "../generated/hey-api/client.gen.js";
import {
  type Event,
  createToken,
  getApplication,
  getDeployment,
  getDeploymentTimeline,
  listDeployments,
  listEvents,
  streamEvents,
} from "../generated/hey-api/index.js";
import { NOBODY, PATIENCE_MS, adminToken, check, eventually, step, token, unknownStatuses, url } from "./steps.js";

client.setConfig({ baseUrl: url, auth: token });

await step("a filtered list", async () => {
  const { data } = await listDeployments({ query: { status: ["succeeded", "failed"], provider: ["scalingo"], limit: 20 } });
  check(data && data.items.length === 20, "twenty deployments");
  check(data.items.every((item) => item.provider === "scalingo" && item.is_finished), "all of them fit");
});

const ids = await step("every page", async () => {
  const found = new Set<string>();
  let next: { cursor?: string } | undefined = {};
  while (next) {
    const answer: Awaited<ReturnType<typeof listDeployments>> = await listDeployments({
      query: { provider: ["cloud66"], limit: 50, ...next },
    });
    check(answer.data, "a page");
    for (const item of answer.data.items) {
      check(!found.has(item.id), `${item.id} twice`);
      found.add(item.id);
    }
    next = answer.data.next_cursor === null ? undefined : { cursor: answer.data.next_cursor };
  }
  check(found.size > 100, `${found.size} deployments`);
  return [...found];
});

await step("one deployment, its application and its timeline", async () => {
  const path = { deployment_id: ids.at(-1) ?? "" };
  const { data } = await getDeployment({ path });
  check(data && data.id === path.deployment_id, "the same deployment");
  const application = await getApplication({ path: { application_id: data.application_id } });
  check(application.data && application.data.provider === data.provider, "its application");
  const timeline = await getDeploymentTimeline({ path });
  check(timeline.data && timeline.data.items.length > 0, "its timeline");
});

await step("a deployment that is not there", async () => {
  const { error, response } = await getDeployment({ path: { deployment_id: NOBODY } });
  check(response?.status === 404 && error?.code === "not_found", JSON.stringify(error));
});

await step("a request that is wrong", async () => {
  const { error, response } = await createToken({ body: { name: "wrong", scopes: ["unheard:of"] }, auth: adminToken });
  check(response?.status === 422 && error?.code === "invalid_body", JSON.stringify(error));
  check(error.errors[0]?.field === "scopes[0]", JSON.stringify(error));
});

await step("live status by server-sent events", async () => {
  const { data: list } = await listDeployments({ query: { limit: 1 } });
  check(list, "a list");
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), PATIENCE_MS);
  const { stream } = await streamEvents({ query: { after: list.event_cursor }, signal: stop.signal });
  const streamed: Event[] = [];
  for await (const event of stream) {
    if (event.id !== null) streamed.push(event);
    if (event.type === "deployment.finished") break;
  }
  clearTimeout(timer);
  stop.abort();
  const last = streamed.at(-1);
  check(last?.type === "deployment.finished" && last.deployment?.is_finished, `${streamed.length} events without an end`);

  const twin: Event[] = [];
  for (let after = list.event_cursor; twin.length < streamed.length; ) {
    const { data } = await listEvents({ query: { after } });
    check(data && data.items.length > 0, "the events that were streamed");
    twin.push(...data.items);
    after = data.next_cursor;
  }
  const same = streamed.every((event, index) => event.id === twin[index]?.id);
  check(same, "the stream and its JSON twin tell the same");
});

if (unknownStatuses) {
  await step("a status that nobody has heard of", async () => {
    const item = await eventually("an unknown status", async () => {
      const { data } = await listDeployments({ query: { status: ["unknown"], provider: ["scalingo"] } });
      check(data, "a list");
      if (data.items.length === 0) await listEvents({ query: { after: data.event_cursor, wait: 5 } });
      return data.items[0];
    });
    check(item.status === "unknown" && item.provider_status !== null, JSON.stringify(item));
    check("added_later" in item, "the field that was added");
  });
}
