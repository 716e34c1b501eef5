// One application: what runs, what can be done with it, and its deployments.

import { actionBar } from "../actions/bar.js";
import { read } from "../api.js";
import { family, learn, usualDuration } from "../applications.js";
import { ago } from "../clock.js";
import { fill, h } from "../dom.js";
import { duration, providerName } from "../format.js";
import * as live from "../live.js";
import { statusMark } from "../status.js";
import { fact, outside } from "./facts.js";
import { deploymentList } from "./list.js";

/** @import { Application } from "../../../types/slipway.js" */

/** @param {import("../router.js").Page} page */
export async function view({ root, parts: [id], signal, title }) {
  const path = `/applications/${encodeURIComponent(id)}`;
  const top = h("div");
  const side = h("dl", { class: "card facts" });
  /** @param {Application} application */
  const draw = (application) => {
    learn(application);
    title(application.name);
    drawTop(top, application);
    drawSide(side, application);
  };
  const load = async () => draw(await read(path, { include: "live_deployment" }, signal));
  await load();
  const list = deploymentList({
    path: `${path}/deployments`,
    filters: () => ({}),
    fits: (deployment) => deployment.application_id === id,
    isOfOne: true,
    signal,
  });
  fill(root, h("div", { class: "live-data" }, top, h("div", { class: "columns" }, h("div", null, list.root), side)));
  const stop = live.onEvent((event) => {
    if (event.application_id === id && /^application\.|live|superseded|finished/.test(event.type)) void load().catch(() => {});
  });
  signal.addEventListener("abort", stop);
  await list.start();
}

/** @param {HTMLElement} top @param {Application} application */
function drawTop(top, application) {
  fill(
    top,
    h("nav", { class: "crumbs", "aria-label": "Where this is" }, h("a", { href: "/" }, "Board"), "/", h("span", null, family(application))),
    h("div", { class: "headline" }, h("h1", null, application.name), application.environment ? h("span", { class: "tag" }, application.environment) : null, application.archived_at ? h("span", { class: "tag" }, "archived") : null, actionBar({ application })),
    h("p", { class: "summary" }, h("span", null, providerName(application.provider)), application.owner ? h("span", null, application.owner) : null),
  );
}

/** @param {HTMLElement} side @param {Application} application */
function drawSide(side, application) {
  const running = application.live_deployment;
  const usual = h("span");
  void usualDuration(application.id).then((ms) => (usual.textContent = ms ? duration(ms) : "not known yet"));
  const { freshness } = application;
  fill(
    side,
    fact("Live", running ? [h("a", { class: "link", href: `/deployments/${running.id}` }, running.git.sha ? h("code", null, running.git.sha.slice(0, 7)) : "a deployment"), " ", statusMark(running.status), h("span", { class: "sub" }, ago(running.finished_at ?? running.created_at, " ago"))] : "nobody can tell"),
    fact("Usually takes", usual),
    fact("Address", outside(application.url, application.url)),
    fact("Repository", application.git_repository),
    fact("Branch", application.git_branch),
    fact("Status there", application.provider_status ? h("code", null, application.provider_status) : null),
    fact("Health", application.health ? h("code", null, application.health) : null),
    fact("Labels", Object.entries(application.labels).map(([key, value]) => h("span", { class: "tag" }, `${key}=${value}`))),
    fact("Platform", outside(application.provider_url, providerName(application.provider)), h("span", { class: "sub" }, application.account)),
    fact("Region", application.region),
    fact("Last read", freshness.last_success_at ? ago(freshness.last_success_at, " ago") : "not yet", freshness.reason ? h("span", { class: "sub" }, freshness.reason) : null),
  );
}
