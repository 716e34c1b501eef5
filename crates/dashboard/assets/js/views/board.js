// The board: applications by environments, what runs there and what happened last.

import { readAll } from "../api.js";
import { family, learn } from "../applications.js";
import { fill, h, icon, reconcile } from "../dom.js";
import { counted, providerName } from "../format.js";
import * as live from "../live.js";
import { query, setQuery } from "../router.js";
import { cell, cellSign } from "./cell.js";

/** @import { BoardItem, Event as LogEvent } from "../../../types/slipway.js" */
/** @typedef {{ key: string, name: string, provider: string, owner: string | null, cells: Map<string, BoardItem> }} Row */
/** @typedef {{ kind: "group", name: string, count: number } | { kind: "row", row: Row }} Line */

const FIRST_ENVIRONMENTS = ["production", "staging"];
const NO_ENVIRONMENT = "no environment";
const CHIPS = [
  { value: "running", word: "Running", status: "in_progress" },
  { value: "failed", word: "Failed", status: "failed" },
];
/** Changes of applications come in swarms while history is read. */
const REREAD_MS = { first: 1500, least: 10_000 };

/** @param {import("../router.js").Page} page */
export async function view({ root, signal, title }) {
  title("Board");
  /** @type {Map<string, BoardItem>} */
  const items = new Map();
  const head = h("div", { class: "page-head" });
  const table = h("table", { class: "board" });
  const header = h("thead");
  const body = h("tbody");
  const empty = h("div", { class: "empty", hidden: true });
  table.append(h("caption", { class: "sr" }, "Applications by environment"), header, body);
  fill(root, head, h("div", { class: "card board-card live-data" }, table, empty));
  fill(body, skeleton());
  const chips = drawHead(head, draw);

  let isDrawing = false;
  function draw() {
    if (isDrawing) return;
    isDrawing = true;
    requestAnimationFrame(() => {
      isDrawing = false;
      if (!signal.aborted) drawNow();
    });
  }

  function drawNow() {
    const wanted = wishes();
    const rows = arrange([...items.values()], wanted);
    const environments = columns(rows);
    chips([...items.values()]);
    reconcile(header, [environments], { key: () => "head", sign: (names) => names.join("|"), draw: headRow });
    reconcile(body, lines(rows, wanted.group), {
      key: (line) => (line.kind === "group" ? `group ${line.name}` : line.row.key),
      sign: (line) => (line.kind === "group" ? String(line.count) : rowSign(line.row, environments)),
      draw: (line) => (line.kind === "group" ? groupRow(line, environments.length + 1) : drawRow(line.row, environments)),
    });
    empty.hidden = rows.length > 0;
    const isFiltered = Boolean(wanted.q || wanted.status || wanted.provider);
    fill(
      empty,
      h("strong", null, isFiltered ? "Nothing fits" : "No application yet"),
      isFiltered ? "Take a filter away." : "They appear as soon as an account has been read.",
    );
  }

  /** @param {LogEvent} event */
  function apply(event) {
    const { deployment } = event;
    if (event.type.startsWith("application.")) return reread();
    if (!deployment) return;
    const item = items.get(deployment.application_id);
    if (!item) return reread();
    const isNewer = (/** @type {import("../../../types/slipway.js").Deployment | null} */ known) =>
      !known || known.id !== deployment.id || known.version <= deployment.version;
    if (deployment.is_latest && isNewer(item.last_deployment)) item.last_deployment = deployment;
    if (deployment.is_live && isNewer(item.live_deployment)) item.live_deployment = deployment;
    else if (deployment.is_live === false && item.live_deployment?.id === deployment.id) item.live_deployment = null;
    draw();
  }

  let readAt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  function reread() {
    if (timer) return;
    timer = setTimeout(
      () => {
        timer = undefined;
        if (!signal.aborted) void load(null).catch(() => {});
      },
      Math.max(REREAD_MS.first, readAt + REREAD_MS.least - Date.now()),
    );
  }
  signal.addEventListener("abort", () => clearTimeout(timer));

  /** @param {string | null} minCursor */
  async function load(minCursor) {
    readAt = Date.now();
    const list = await readAll("/board", { min_cursor: minCursor }, signal);
    const older = new Map(items);
    items.clear();
    for (const item of list.items) {
      learn(item.application);
      const before = older.get(item.application.id);
      // What came by the stream while the list was on its way is newer than the list.
      if (before) keepNewer(item, before);
      items.set(item.application.id, item);
    }
    drawNow();
  }

  addEventListener("querychange", draw, { signal });
  await live.follow({ read: load, apply, signal });
}

/** @param {BoardItem} item @param {BoardItem} before */
function keepNewer(item, before) {
  for (const field of /** @type {const} */ (["last_deployment", "live_deployment"])) {
    const [now, then] = [item[field], before[field]];
    if (now && then && now.id === then.id && then.version > now.version) item[field] = then;
  }
}

function wishes() {
  const wanted = query();
  return {
    q: (wanted.get("q") ?? "").trim().toLowerCase(),
    status: wanted.get("status") ?? "",
    provider: wanted.get("provider") ?? "",
    group: wanted.get("group") ?? "",
  };
}

/** @param {BoardItem} item @param {string} status */
function isAt({ last_deployment }, status) {
  if (status === "running") return Boolean(last_deployment && !last_deployment.is_finished);
  return last_deployment?.status === status;
}

/** @param {BoardItem[]} items @param {ReturnType<typeof wishes>} wanted @returns {Row[]} */
function arrange(items, wanted) {
  /** @type {Map<string, Row>} */
  const rows = new Map();
  for (const item of items) {
    const { application } = item;
    if (wanted.provider && application.provider !== wanted.provider) continue;
    const name = family(application);
    const text = `${application.name} ${application.owner ?? ""} ${application.environment ?? ""} ${application.account}`;
    if (wanted.q && !text.toLowerCase().includes(wanted.q)) continue;
    const key = `${application.account}/${name}`;
    const row = rows.get(key) ?? { key, name, provider: application.provider, owner: application.owner, cells: new Map() };
    const environment = application.environment ?? NO_ENVIRONMENT;
    // Two of one name in one environment stay two rows.
    if (row.cells.has(environment)) rows.set(`${key}#${application.id}`, { ...row, key: `${key}#${application.id}`, cells: new Map([[environment, item]]) });
    else {
      row.cells.set(environment, item);
      rows.set(key, row);
    }
  }
  const all = [...rows.values()].filter((row) => !wanted.status || [...row.cells.values()].some((item) => isAt(item, wanted.status)));
  return all.sort((one, other) => one.name.localeCompare(other.name) || one.key.localeCompare(other.key));
}

/** @param {Row[]} rows */
function columns(rows) {
  const names = new Set(rows.flatMap((row) => [...row.cells.keys()]));
  const place = (/** @type {string} */ name) => {
    const first = FIRST_ENVIRONMENTS.indexOf(name);
    if (first >= 0) return first;
    return name === NO_ENVIRONMENT ? 99 : 50;
  };
  return [...names].sort((one, other) => place(one) - place(other) || one.localeCompare(other));
}

/** @param {Row[]} rows @param {string} group @returns {Line[]} */
function lines(rows, group) {
  if (!group) return rows.map((row) => ({ kind: "row", row }));
  const name = (/** @type {Row} */ row) => (group === "owner" ? (row.owner ?? "No owner") : providerName(row.provider));
  return [...groupBy(rows, name).entries()]
    .sort(([one], [other]) => one.localeCompare(other))
    .flatMap(([title, members]) => [
      /** @type {Line} */ ({ kind: "group", name: title, count: members.length }),
      ...members.map((row) => /** @type {Line} */ ({ kind: "row", row })),
    ]);
}

/** @param {Row[]} rows @param {(row: Row) => string} name */
function groupBy(rows, name) {
  /** @type {Map<string, Row[]>} */
  const groups = new Map();
  for (const row of rows) groups.set(name(row), [...(groups.get(name(row)) ?? []), row]);
  return groups;
}

/** @param {string[]} environments */
const headRow = (environments) =>
  h("tr", null, h("th", { scope: "col" }, "Application"), environments.map((name) => h("th", { scope: "col" }, name)));

/** @param {{ name: string, count: number }} group @param {number} span */
const groupRow = ({ name, count }, span) =>
  h("tr", { class: "group" }, h("th", { colspan: span, scope: "rowgroup" }, h("b", null, name), ` · ${counted(count, "application")}`));

/** @param {Row} row @param {string[]} environments */
function rowSign(row, environments) {
  return environments.map((name) => cellSign(row.cells.get(name))).join("|") + environments.join();
}

/** @param {Row} row @param {string[]} environments */
function drawRow(row, environments) {
  const [first] = row.cells.values();
  return h(
    "tr",
    null,
    h(
      "th",
      { scope: "row" },
      h("a", { href: `/applications/${first.application.id}` }, row.name),
      h("span", { class: "sub" }, providerName(row.provider), row.owner ? ` · ${row.owner}` : ""),
    ),
    environments.map((name) => {
      const item = row.cells.get(name);
      return h("td", { "data-environment": name, class: item?.last_deployment ? null : "nothing" }, cell(item, row.name, name));
    }),
  );
}

/** @param {HTMLElement} head @param {() => void} redraw */
function drawHead(head, redraw) {
  const wanted = query();
  const search = h("input", { class: "input", type: "search", placeholder: "Find an application", "aria-label": "Find an application", value: wanted.get("q") });
  search.addEventListener("input", () => change({ q: search.value }));
  const group = select("Group", [["", "No groups"], ["owner", "By owner"], ["provider", "By provider"]], wanted.get("group"), (value) => change({ group: value }));
  const provider = select("Provider", [["", "All providers"]], null, (value) => change({ provider: value }));
  const chips = h("div", { class: "chips", role: "group", "aria-label": "Filter by status" });
  /** @param {Record<string, string>} wish */
  const change = (wish) => {
    setQuery(wish);
    redraw();
  };
  fill(head, h("h1", null, "Board"), chips, h("span", { class: "grow" }), h("span", { class: "field" }, icon("search"), search, h("kbd", null, "/")), provider, group);
  let providers = "";
  return (/** @type {BoardItem[]} */ items) => {
    const names = [...new Set(items.map((item) => item.application.provider))].sort();
    if (names.join() !== providers) {
      providers = names.join();
      fill(provider, h("option", { value: "" }, "All providers"), names.map((name) => h("option", { value: name }, providerName(name))));
      provider.value = query().get("provider") ?? "";
    }
    const chosen = query().get("status") ?? "";
    reconcile(chips, CHIPS, {
      key: ({ value }) => value,
      sign: ({ value }) => `${chosen === value} ${items.filter((item) => isAt(item, value)).length}`,
      draw: ({ value, word, status }) =>
        h(
          "button",
          { class: "chip", type: "button", "data-status": status, "aria-pressed": String(chosen === value), onclick: () => change({ status: chosen === value ? "" : value }) },
          icon(status),
          word,
          h("b", null, String(items.filter((item) => isAt(item, value)).length)),
        ),
    });
  };
}

/** @param {string} label @param {[string, string][]} options @param {string | null} value @param {(value: string) => void} choose */
export function select(label, options, value, choose) {
  const element = h("select", { class: "select", "aria-label": label }, options.map(([name, word]) => h("option", { value: name }, word)));
  element.value = value ?? "";
  element.addEventListener("change", () => choose(element.value));
  return element;
}

function skeleton() {
  const bone = (/** @type {string} */ kind) => h("td", { class: kind }, h("div", { class: "skeleton", "aria-hidden": "true" }, "\u00a0"));
  return Array.from({ length: 8 }, () => h("tr", null, bone("bone"), bone("bone"), bone("bone")));
}
