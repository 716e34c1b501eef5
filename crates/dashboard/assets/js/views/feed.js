// The feed: every deployment of every platform, newest first.

import { application, applications, readApplications } from "../applications.js";
import { fill, h, icon } from "../dom.js";
import { actorName, providerName } from "../format.js";
import { query, setQuery } from "../router.js";
import { STATUSES, statusWord } from "../status.js";
import { deploymentList } from "./list.js";
import { select } from "./select.js";

/** @import { Deployment } from "../../../types/slipway.js" */

const FILTERS = ["q", "status", "provider", "environment", "live", "actor", "git_sha", "git_ref", "application", "account", "trigger", "kind", "label", "created_after", "created_before", "finished_after", "finished_before"];
/** A search waits for the end of a word. */
const TYPING_MS = 250;

/** @param {import("../router.js").Page} page */
export async function view({ root, signal, title }) {
  title("Feed");
  const list = deploymentList({ path: "/deployments", filters, fits, isOfOne: false, signal });
  const bar = h("div", { class: "filters" });
  fill(root, h("div", { class: "page-head" }, h("h1", null, "Feed")), bar, list.root);
  const draw = () => drawFilters(bar, () => void list.reload());
  draw();
  void readApplications().then(draw, () => {});
  addEventListener(
    "querychange",
    () => {
      draw();
      void list.reload();
    },
    { signal },
  );
  await list.start();
}

/** What the address asks for. @returns {Record<string, string>} */
function filters() {
  const wanted = query();
  return Object.fromEntries(FILTERS.flatMap((name) => (wanted.get(name) ? [[name, wanted.get(name) ?? ""]] : [])));
}

/** As the gateway would decide, as far as a page can tell. @param {Deployment} deployment */
function fits(deployment) {
  const wanted = filters();
  const has = (/** @type {string} */ name, /** @type {string | null} */ value) => !wanted[name] || wanted[name].split(",").includes(value ?? "");
  if (wanted.live || wanted.label || wanted.created_before || wanted.finished_after || wanted.finished_before) return false;
  const { git } = deployment;
  const name = application(deployment.application_id)?.name ?? "";
  const text = `${name} ${git.ref ?? ""} ${git.sha ?? ""} ${git.message ?? ""} ${deployment.actor?.name ?? ""}`.toLowerCase();
  return (
    has("status", deployment.status) &&
    has("provider", deployment.provider) &&
    has("environment", deployment.environment) &&
    has("application", deployment.application_id) &&
    has("account", deployment.account) &&
    has("actor", actorName(deployment.actor)) &&
    has("git_ref", git.ref ?? git.branch) &&
    has("trigger", deployment.trigger.kind) &&
    has("kind", deployment.kind) &&
    (wanted.git_sha ?? "").split(",").some((sha) => (git.sha ?? "").startsWith(sha)) &&
    (wanted.q ?? "").toLowerCase().split(/\s+/).every((word) => text.includes(word))
  );
}

/** @param {HTMLElement} bar @param {() => void} reload */
function drawFilters(bar, reload) {
  const wanted = query();
  /** @param {Record<string, string | null>} wish */
  const change = (wish) => {
    setQuery(wish);
    drawFilters(bar, reload);
    reload();
  };
  const chosen = (wanted.get("status") ?? "").split(",").filter(Boolean);
  const chip = (/** @type {string} */ status) => {
    const isChosen = chosen.includes(status);
    const rest = isChosen ? chosen.filter((other) => other !== status) : [...chosen, status];
    return h(
      "button",
      { class: "chip", type: "button", "data-status": status, "data-chip": status, "aria-pressed": String(isChosen), onclick: () => change({ status: rest.join() }) },
      icon(status),
      statusWord(status),
    );
  };
  const names = (/** @type {(item: import("../../../types/slipway.js").Application) => string | null} */ pick) =>
    [...new Set(applications().map(pick).filter((name) => name !== null))].sort();
  /** @param {string} label @param {string} field @param {string[]} values @param {(value: string) => string} word */
  const choice = (label, field, values, word) => {
    const value = wanted.get(field) ?? "";
    const all = value && !values.includes(value) ? [value, ...values] : values;
    return select(label, [["", `All ${field}s`], ...all.map((name) => /** @type {[string, string]} */ ([name, word(name)]))], value, (name) => change({ [field]: name }));
  };
  const shown = new Set(["q", "status", "provider", "environment", "live"]);
  const others = FILTERS.filter((name) => wanted.get(name) && !shown.has(name));
  const focused = document.activeElement instanceof HTMLElement ? (document.activeElement.dataset.chip ?? document.activeElement.getAttribute("aria-label")) : null;
  const search = /** @type {HTMLElement | null} */ (bar.querySelector(".field")) ?? searchField(reload);
  const kept = search.contains(document.activeElement);
  // The field itself stays where it is, so that typing is not disturbed.
  for (const child of [...bar.children]) if (child !== search) child.remove();
  if (!search.isConnected || search.parentElement !== bar) bar.prepend(search);
  bar.append(
    h("div", { class: "chips", role: "group", "aria-label": "Filter by status" }, STATUSES.map(chip)),
    choice("Provider", "provider", names((item) => item.provider), providerName),
    choice("Environment", "environment", names((item) => item.environment), (name) => name),
    h("button", { class: "chip", type: "button", "data-chip": "live", "aria-pressed": String(wanted.get("live") === "true"), onclick: () => change({ live: wanted.get("live") ? null : "true" }) }, "Live now"),
    ...others.map((name) => otherFilter(name, wanted.get(name) ?? "", change)),
    ...(wanted.size > 0 ? [h("button", { class: "text-button", type: "button", onclick: () => clear(search, change) }, "Clear")] : []),
  );
  if (focused && !kept) {
    const again = [...bar.querySelectorAll("button, select")].find((element) => [element.getAttribute("data-chip"), element.getAttribute("aria-label")].includes(focused));
    /** @type {HTMLElement | undefined} */ (again)?.focus({ preventScroll: true });
  }
}

/** @param {string} name @param {string} value @param {(wish: Record<string, null>) => void} change */
function otherFilter(name, value, change) {
  const word = name === "application" ? (application(value)?.name ?? value) : value;
  return h("button", { class: "chip", type: "button", "aria-pressed": "true", title: "Take this filter away", onclick: () => change({ [name]: null }) }, `${name.replaceAll("_", " ")}: ${word} ×`);
}

/** @param {HTMLElement} search @param {(wish: Record<string, null>) => void} change */
function clear(search, change) {
  const input = /** @type {HTMLInputElement} */ (search.querySelector("input"));
  input.value = "";
  change(Object.fromEntries([...query().keys()].map((name) => [name, null])));
}

/** @param {() => void} reload */
function searchField(reload) {
  const input = h("input", { class: "input", type: "search", placeholder: "Search deployments", "aria-label": "Search deployments", value: query().get("q") });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      setQuery({ q: input.value.trim() });
      reload();
    }, TYPING_MS);
  });
  return h("span", { class: "field" }, icon("search"), input, h("kbd", null, "/"));
}
