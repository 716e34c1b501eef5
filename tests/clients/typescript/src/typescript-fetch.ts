// The TypeScript client of openapi-generator against a running gateway.

import {
  ApplicationsApi,
  Configuration,
  DeploymentsApi,
  EventsApi,
  type Problem,
  ResponseError,
  Status,
  TokensApi,
} from "../generated/typescript-fetch/index.js";
import { NOBODY, adminToken, check, eventually, step, token, unknownStatuses, url } from "./steps.js";

const configuration = new Configuration({ basePath: url, accessToken: token });
const applications = new ApplicationsApi(configuration);
const deployments = new DeploymentsApi(configuration);
const events = new EventsApi(configuration);

async function problemOf(call: Promise<unknown>): Promise<Problem> {
  try {
    await call;
  } catch (error) {
    if (error instanceof ResponseError) return (await error.response.json()) as Problem;
    throw error;
  }
  throw new Error("no error");
}

await step("a filtered list", async () => {
  const page = await deployments.listDeployments({ status: [Status.Succeeded, Status.Failed], provider: ["scalingo"], limit: 20 });
  check(page.items.length === 20, "twenty deployments");
  check(page.items.every((item) => item.provider === "scalingo" && item.is_finished), "all of them fit");
});

const ids = await step("every page", async () => {
  const found = new Set<string>();
  let next: { cursor?: string } | undefined = {};
  while (next) {
    const page: Awaited<ReturnType<typeof deployments.listDeployments>> = await deployments.listDeployments({
      provider: ["cloud66"],
      limit: 50,
      ...next,
    });
    for (const item of page.items) {
      check(!found.has(item.id), `${item.id} twice`);
      found.add(item.id);
    }
    next = page.next_cursor === null ? undefined : { cursor: page.next_cursor };
  }
  check(found.size > 100, `${found.size} deployments`);
  return [...found];
});

await step("one deployment, its application and its timeline", async () => {
  const deployment_id = ids.at(-1) ?? "";
  const one = await deployments.getDeployment({ deployment_id });
  check(one.id === deployment_id, "the same deployment");
  const application = await applications.getApplication({ application_id: one.application_id });
  check(application.provider === one.provider, "its application");
  const timeline = await deployments.getDeploymentTimeline({ deployment_id });
  check(timeline.items.length > 0, "its timeline");
});

await step("a deployment that is not there", async () => {
  const problem = await problemOf(deployments.getDeployment({ deployment_id: NOBODY }));
  check(problem.status === 404 && problem.code === "not_found" && !problem.retryable, JSON.stringify(problem));
});

await step("a request that is wrong", async () => {
  const tokens = new TokensApi(new Configuration({ basePath: url, accessToken: adminToken }));
  const problem = await problemOf(tokens.createToken({ NewToken: { name: "wrong", scopes: ["unheard:of"] } }));
  check(problem.status === 422 && problem.errors[0]?.field === "scopes[0]", JSON.stringify(problem));
});

await step("live status by the JSON twin", async () => {
  let after = (await deployments.listDeployments({ limit: 1 })).event_cursor;
  const finished = await eventually("a deployment that ends", async () => {
    const page = await events.listEvents({ after, wait: 10 });
    after = page.next_cursor;
    return page.items.find((event) => event.type === "deployment.finished");
  });
  check(finished.deployment?.is_finished && finished.deployment.status === finished.status, "an end");
});

if (unknownStatuses) {
  await step("a status that nobody has heard of", async () => {
    const item = await eventually("an unknown status", async () => {
      const page = await deployments.listDeployments({ status: [Status.Unknown], provider: ["scalingo"] });
      if (page.items.length === 0) await events.listEvents({ after: page.event_cursor, wait: 5 });
      return page.items[0];
    });
    check(item.status === Status.Unknown && item.provider_status !== null, JSON.stringify(item));
    check("added_later" in item, "the field that was added");
  });
}
