// The board: applications by environments, what runs there and what happened last.

import { readAll } from "../api.js";
import { learn } from "../applications.js";
import { drawHead } from "../board/head.js";
import { arrange, columns, lines, wishes } from "../board/rows.js";
import { fill, h, reconcile } from "../dom.js";
import { counted, providerName } from "../format.js";
import * as live from "../live.js";
import { cell, cellSign } from "./cell.js";

/** @import { BoardItem, Event as LogEvent } from "../../../types/slipway.js" */
/** @import { Row } from "../board/rows.js" */

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

function skeleton() {
  const bone = (/** @type {string} */ kind) => h("td", { class: kind }, h("div", { class: "skeleton", "aria-hidden": "true" }, "\u00a0"));
  return Array.from({ length: 8 }, () => h("tr", null, bone("bone"), bone("bone"), bone("bone")));
}
