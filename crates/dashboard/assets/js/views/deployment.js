// One deployment: why it failed first, then what it went through, its log, and all that is known of it.

import { actionBar } from "../actions/bar.js";
import { read, request } from "../api.js";
import { findApplication, usualDuration } from "../applications.js";
import { ago, elapsed, progress } from "../clock.js";
import { fill, h, say } from "../dom.js";
import { actorName, capital, duration, providerName, shortSha, spoken } from "../format.js";
import * as live from "../live.js";
import { logPane } from "../log/pane.js";
import { query, setQuery } from "../router.js";
import * as session from "../session.js";
import { runningSince, stateWord, statusMark, statusWord } from "../status.js";
import { facts } from "./facts.js";
import { phases, timeline } from "./timeline.js";

/** @import { Application, Deployment, Event as LogEvent, TimelineEntry } from "../../../types/slipway.js" */

/** @param {import("../router.js").Page} page */
export async function view({ root, parts: [id], signal, title }) {
  /** @type {Deployment | null} */
  let deployment = null;
  /** @type {TimelineEntry[]} */
  let entries = [];
  /** @type {Application | null} */
  let application = null;
  const top = h("div");
  const phaseCard = h("section", { class: "card phases", "aria-label": "Phases" });
  const panel = h("div", { role: "tabpanel" });
  const tabs = h("div", { class: "tabs", role: "tablist", "aria-label": "More" });
  const side = h("dl", { class: "card facts" });
  const path = `/deployments/${encodeURIComponent(id)}`;
  let tab = "";
  /** @type {ReturnType<typeof logPane> | null} */
  let log = null;
  signal.addEventListener("abort", () => log?.close());

  /** @param {string | null} minCursor */
  async function load(minCursor) {
    const fresh = await read(path, { include: "timeline", min_cursor: minCursor }, signal);
    application ??= await findApplication(fresh.application_id);
    entries = fresh.timeline;
    deployment = fresh;
    draw();
  }

  /** @param {LogEvent} event */
  function apply(event) {
    if (event.deployment_id !== id || !event.deployment || !deployment) return;
    if (event.deployment.version <= deployment.version) return;
    const before = deployment;
    deployment = event.deployment;
    if (before.status !== deployment.status) say(`Now ${stateWord(deployment)}`);
    draw();
    void read(`${path}/timeline`, {}, signal).then(
      (list) => {
        entries = list.items;
        draw();
      },
      () => {},
    );
  }

  function draw() {
    if (!deployment || !application) return;
    if (!whole.isConnected) fill(root, whole);
    const name = application.name;
    title(`${statusWord(deployment.status)}: ${name}`);
    drawTop(top, deployment, application);
    phases(phaseCard, deployment, entries);
    facts(side, deployment, application);
    drawTabs();
    log?.update(deployment);
    if (tab === "timeline") fill(panel, timeline(entries));
  }

  function drawTabs() {
    if (!deployment) return;
    const hasLog = deployment.logs.available && session.may("logs:read");
    const names = [...(hasLog ? ["log"] : []), "timeline", ...(session.may("raw:read") ? ["raw"] : [])];
    const wanted = query().get("tab") ?? names[0];
    const chosen = names.includes(wanted) ? wanted : names[0];
    if (tabs.childElementCount !== names.length) {
      fill(
        tabs,
        names.map((name) => h("button", { role: "tab", type: "button", id: `tab-${name}`, "data-tab": name, onclick: () => choose(name) }, capital(name))),
      );
      tabs.onkeydown = (event) => {
        const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!by) return;
        const next = names[(names.indexOf(tab) + by + names.length) % names.length];
        choose(next);
        document.getElementById(`tab-${next}`)?.focus();
      };
    }
    for (const button of tabs.querySelectorAll("button")) {
      const isChosen = button.dataset.tab === chosen;
      button.setAttribute("aria-selected", String(isChosen));
      button.tabIndex = isChosen ? 0 : -1;
    }
    panel.setAttribute("aria-labelledby", `tab-${chosen}`);
    if (chosen !== tab) show(chosen);
  }

  /** @param {string} name */
  function choose(name) {
    setQuery({ tab: name });
    drawTabs();
  }

  /** @param {string} name */
  function show(name) {
    tab = name;
    if (!deployment) return;
    if (name === "log") {
      log ??= logPane(deployment, signal);
      fill(panel, log.root);
      log.shown();
    } else if (name === "timeline") fill(panel, timeline(entries));
    else void showRaw();
  }

  async function showRaw() {
    fill(panel, h("p", { class: "empty" }, "Reading…"));
    try {
      const { raw } = await (await request("GET", `${path}?include=raw`, { signal })).json();
      if (tab !== "raw") return;
      if (raw) fill(panel, h("pre", { class: "raw", tabindex: "0", "aria-label": "What the provider answered" }, painted(JSON.stringify(raw, null, 2))));
      else fill(panel, h("p", { class: "empty" }, "The provider's answer is not kept."));
    } catch (error) {
      if (!signal.aborted) fill(panel, h("p", { class: "empty" }, error instanceof Error ? error.message : ""));
    }
  }

  const whole = h("div", { class: "live-data" }, top, h("div", { class: "columns" }, h("div", null, phaseCard, h("section", { class: "card" }, tabs, panel)), side));
  fill(root, skeleton());
  await live.follow({ read: load, apply, signal });
}

function skeleton() {
  const bone = (/** @type {string} */ kind) => h("div", { class: `skeleton ${kind}`, "aria-hidden": "true" });
  return h("div", null, bone("title"), h("div", { class: "columns" }, bone("tall"), bone("tall")));
}

/** @param {HTMLElement} top @param {Deployment} deployment @param {Application} application */
function drawTop(top, deployment, application) {
  const place = deployment.environment ? ` · ${deployment.environment}` : "";
  const actions = actionBar({ deployment, application });
  const running = !deployment.is_finished;
  const summary = h("p", { class: "summary" });
  const bits = [
    h("span", null, providerName(deployment.provider)),
    running
      ? h("span", null, deployment.status === "queued" ? "waiting for " : "for ", elapsed(runningSince(deployment)))
      : h("span", null, "ended ", ago(deployment.finished_at ?? deployment.updated_at, " ago")),
    deployment.duration_ms === null || running ? null : h("span", null, `took ${duration(deployment.duration_ms)}`),
    actorName(deployment.actor) ? h("span", null, `by ${actorName(deployment.actor)}`) : null,
    deployment.provider_status ? h("span", null, "the platform says ", h("code", null, deployment.provider_status)) : null,
  ];
  summary.append(...bits.filter((bit) => bit !== null));
  const sha = shortSha(deployment.git.sha);
  fill(
    top,
    h("nav", { class: "crumbs", "aria-label": "Where this is" }, h("a", { href: "/" }, "Board"), "/", h("a", { href: `/applications/${application.id}` }, application.name + place)),
    h(
      "div",
      { class: "headline" },
      h("h1", null, application.name, sha ? [" ", h("span", { class: "mono sub" }, sha)] : null),
      statusMark(deployment.status, stateWord(deployment), "pill"),
      deployment.is_live ? h("span", { class: "tag live" }, "live") : null,
      deployment.cancel_requested_at && running ? h("span", { class: "tag" }, "cancel asked for") : null,
      deployment.rolled_back_at ? h("span", { class: "tag" }, "rolled back") : null,
      actions,
    ),
    summary,
    failure(deployment),
  );
  if (deployment.status !== "in_progress") return;
  void usualDuration(application.id).then((usual) => {
    const bar = progress(runningSince(deployment), usual);
    if (!bar || !usual || !summary.isConnected) return;
    bar.dataset.status = "in_progress";
    summary.append(h("span", null, `usually ${duration(usual)}`));
    summary.after(bar);
    bar.style.setProperty("margin", "-8px 0 18px");
  });
}

/** Why it failed, before everything else. @param {Deployment} deployment */
function failure({ status, failure_reason, failure_message, provider_status, phase }) {
  // A cancel is no failure: the mark beside the name says it all.
  if (status !== "failed" && (status !== "unknown" || !failure_reason)) return null;
  const reason = failure_reason ? capital(spoken(failure_reason)) : "It failed";
  const where = phase && !failure_reason?.startsWith(phase) ? ` during ${spoken(phase)}` : "";
  return h(
    "div",
    { class: "failure-box", role: "note" },
    h("strong", null, reason + where),
    failure_message ? h("p", null, failure_message) : null,
    !failure_message && provider_status ? h("p", { class: "sub" }, "The platform gives no message; its status is ", h("code", null, provider_status), ".") : null,
  );
}

/** Colours for JSON. @param {string} text */
function painted(text) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null|-?\d[\d.eE+-]*)\b/g)) {
    nodes.push(text.slice(at, found.index));
    at = found.index + found[0].length;
    if (found[1]) nodes.push(h("span", { class: found[2] ? "key" : "text" }, found[1]), found[2] ?? "");
    else nodes.push(h("span", { class: "word" }, found[3]));
  }
  return [...nodes, text.slice(at)];
}
