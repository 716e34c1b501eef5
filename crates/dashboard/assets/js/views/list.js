// A list of deployments: pages by cursor as one scrolls, rows that follow the stream, and new ones behind a pill.

import { read } from "../api.js";
import { application, findApplication, readApplications } from "../applications.js";
import { fill, h, icon, pop, reconcile } from "../dom.js";
import { counted } from "../format.js";
import * as live from "../live.js";
import { dayOf, row, rowSign } from "./row.js";

/** @import { Deployment, Event as LogEvent } from "../../../types/slipway.js" */
/** @typedef {{ day: string } | { deployment: Deployment }} Line */

const PAGE = 50;

/**
 * @param {Object} given
 * @param {string} given.path
 * @param {() => Record<string, string>} given.filters What the API is asked for.
 * @param {(deployment: Deployment) => boolean} given.fits Whether a new one would be in the list.
 * @param {boolean} given.isOfOne Whether all belong to one application, whose name need not be repeated.
 * @param {AbortSignal} given.signal
 */
export function deploymentList({ path, filters, fits, isOfOne, signal }) {
  /** @type {Deployment[]} */
  let items = [];
  /** @type {Set<string>} */
  const fresh = new Set();
  let next = /** @type {string | null} */ (null);
  let round = 0;
  let isReading = false;
  const place = h("div", { class: "fresh-pill-place" });
  const rows = h("div", { class: "rows", role: "list", "aria-label": "Deployments" });
  const foot = h("div", { class: "more" });
  const root = h("div", { class: "live-data" }, place, h("div", { class: "card" }, rows), foot);

  function draw() {
    /** @type {Line[]} */
    const lines = [];
    let day = "";
    for (const deployment of items) {
      const name = dayOf(deployment.created_at);
      if (name !== day) lines.push({ day: (day = name) });
      lines.push({ deployment });
    }
    reconcile(rows, lines, {
      key: (line) => ("day" in line ? line.day : line.deployment.id),
      sign: (line) => ("day" in line ? "" : rowSign(line.deployment, application(line.deployment.application_id))),
      draw: (line) =>
        "day" in line
          ? h("div", { class: "day", role: "listitem" }, line.day)
          : h("div", { role: "listitem" }, row(line.deployment, application(line.deployment.application_id), isOfOne)),
    });
    drawFoot();
    drawPill();
  }

  function drawFoot() {
    if (items.length === 0 && !isReading) {
      fill(foot, h("div", { class: "empty" }, h("strong", null, "No deployment fits"), "Take a filter away, or wait for one."));
    } else fill(foot, isReading ? "Reading…" : next ? "" : `${counted(items.length, "deployment")}, back to the first`);
  }

  function drawPill() {
    if (fresh.size === 0) return fill(place);
    const text = `${fresh.size} new`;
    if (place.textContent === text) return;
    fill(place, h("button", { class: "fresh-pill", type: "button", onclick: showFresh }, icon("arrow-up"), text));
  }

  async function showFresh() {
    scrollTo({ top: 0 });
    await load(null).catch(() => pop("The gateway does not answer."));
    /** @type {HTMLElement | null} */ (rows.querySelector("[data-step]"))?.focus({ preventScroll: true });
  }

  /** @param {string | null} minCursor */
  async function load(minCursor) {
    const mine = ++round;
    isReading = true;
    drawFoot();
    try {
      const [page] = await Promise.all([read(path, { ...filters(), limit: PAGE, min_cursor: minCursor }, signal), names()]);
      if (mine !== round) return;
      items = page.items;
      next = page.next_cursor;
      fresh.clear();
    } finally {
      if (mine === round) isReading = false;
    }
    draw();
  }

  async function more() {
    if (isReading || !next) return;
    const mine = round;
    isReading = true;
    drawFoot();
    try {
      const page = await read(path, { ...filters(), limit: PAGE, cursor: next }, signal);
      if (mine !== round) return;
      const known = new Set(items.map((item) => item.id));
      items.push(...page.items.filter((/** @type {Deployment} */ item) => !known.has(item.id)));
      next = page.next_cursor;
    } catch {
      if (!signal.aborted) setTimeout(more, 3000);
    } finally {
      isReading = false;
    }
    draw();
  }

  const names = () => (isOfOne ? null : readApplications());

  /** @param {LogEvent} event */
  function apply({ type, deployment }) {
    if (!deployment) return;
    const at = items.findIndex((item) => item.id === deployment.id);
    if (at >= 0) {
      if (items[at].version < deployment.version) items[at] = deployment;
    } else if (type === "deployment.created" && fits(deployment)) {
      // One of the past, read while history is completed, is none that is new.
      if (items.length > 0 && deployment.created_at < items[0].created_at) return;
      fresh.add(deployment.id);
      void findApplication(deployment.application_id).catch(() => {});
    } else return;
    draw();
  }

  const watcher = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && void more(), {
    rootMargin: "600px",
  });
  watcher.observe(foot);
  signal.addEventListener("abort", () => watcher.disconnect());

  return {
    root,
    start: () => live.follow({ read: load, apply, signal }),
    /** After the filters changed. */
    reload: () => load(null).catch((error) => !signal.aborted && pop(error.message)),
  };
}
