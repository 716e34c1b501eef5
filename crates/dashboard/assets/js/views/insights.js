// Insights: how often deployments succeed, how many fail, how long they take, and which of them a number counts.

import { read } from "../api.js";
import { application, applications, readApplications } from "../applications.js";
import { fill, h } from "../dom.js";
import { spoken } from "../format.js";
import { FILTERS, PERIODS, days, filters, interval, ownZone, parameters, zone } from "../insights/asked.js";
import { day, durationChart, frequencyChart } from "../insights/charts.js";
import { tables } from "../insights/table.js";
import { tiles } from "../insights/tiles.js";
import * as live from "../live.js";
import { setQuery } from "../router.js";
import { select } from "./select.js";

/** @import { DeploymentInsights } from "../../../types/slipway.js" */

/** Many deployments may end at once: the numbers are read again this long after the first. */
const AFTER_MS = 4000;

/** @param {import("../router.js").Page} page */
export async function view({ root, signal, title }) {
  title("Insights");
  const bar = h("div", { class: "filters" });
  const body = h("div", { class: "live-data insights" }, h("div", { class: "skeleton tall", "aria-hidden": "true" }));
  fill(root, h("div", { class: "page-head" }, h("h1", null, "Insights")), bar, body);
  let round = 0;
  let shown = "";
  const load = async () => {
    const mine = ++round;
    const answer = await read("/insights/deployments", { ...parameters(), interval: interval() }, signal);
    if (mine !== round) return;
    const { event_cursor: _cursor, freshness: _freshness, ...numbers } = answer;
    // What did not change stays as it is, and keeps the focus.
    const sign = JSON.stringify(numbers);
    if (sign === shown) return;
    shown = sign;
    draw(body, answer);
  };
  const again = () => {
    drawBar(bar, again);
    void load().catch((error) => !signal.aborted && fill(body, h("div", { class: "empty" }, h("strong", null, "This could not be read"), error.message)));
  };
  drawBar(bar, again);
  void readApplications().then(
    () => !signal.aborted && drawBar(bar, again),
    () => {},
  );
  addEventListener("querychange", again, { signal });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const stop = live.onEvent(({ type }) => {
    if (!/^deployment\.(created|finished|corrected)|^application\.history/.test(type)) return;
    timer ??= setTimeout(() => {
      timer = undefined;
      void load().catch(() => {});
    }, AFTER_MS);
  });
  signal.addEventListener("abort", () => {
    stop();
    clearTimeout(timer);
  });
  await load();
}

/** @param {HTMLElement} bar @param {() => void} again */
function drawBar(bar, again) {
  const focused = document.activeElement instanceof HTMLElement && bar.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
  /** @param {Record<string, string | null>} wish */
  const change = (wish) => {
    setQuery(wish);
    again();
  };
  const wanted = filters();
  const names = (/** @type {(item: import("../../../types/slipway.js").Application) => string | null} */ pick) =>
    [...new Set(applications().map(pick).filter((name) => name !== null))].sort();
  const own = ownZone();
  const zones = [...new Set([zone(), own, "UTC"])].map((name) => /** @type {[string, string]} */ ([name, name.replaceAll("_", " ")]));
  fill(
    bar,
    select("Period", PERIODS, String(days()), (value) => change({ days: value, interval: null })),
    select("Bars", [["day", "By day"], ["week", "By week"], ["month", "By month"]], interval(), (value) => change({ interval: value })),
    select("Time zone", zones, zone(), (value) => change({ zone: value === own ? null : value })),
    select("Environment", [["", "All environments"], ...names((item) => item.environment).map((name) => /** @type {[string, string]} */ ([name, name]))], wanted.environment ?? "", (value) => change({ environment: value })),
    FILTERS.filter((name) => wanted[name] && name !== "environment").map((name) => {
      const word = name === "application" ? (application(wanted[name])?.name ?? wanted[name]) : wanted[name];
      return h("button", { class: "chip", type: "button", "aria-pressed": "true", "aria-label": `${name}: ${word}, take this filter away`, onclick: () => change({ [name]: null }) }, `${spoken(name)}: ${word} ×`);
    }),
  );
  if (focused) /** @type {HTMLElement | null} */ (bar.querySelector(`[aria-label="${CSS.escape(focused)}"]`))?.focus({ preventScroll: true });
}

/** @param {HTMLElement} body @param {DeploymentInsights} answer */
function draw(body, answer) {
  const { period, total, intervals } = answer;
  const isOfTwoYears = period.first_day.slice(0, 4) !== period.last_day.slice(0, 4);
  const days = `${day(period.first_day, isOfTwoYears)} to ${day(period.last_day, isOfTwoYears)}, days of ${period.time_zone.replaceAll("_", " ")}`;
  if (total.deployments === 0) {
    return fill(body, h("div", { class: "empty" }, h("strong", null, "No deployment was created in these days"), days));
  }
  fill(
    body,
    tiles(total),
    figure("Deployments", `by the day on which they were created, ${days}`, legend(), frequencyChart(intervals)),
    figure("Duration of those that succeeded", "the line is the median, the bar reaches to the 95th percentile", null, durationChart(intervals)),
    tables(answer),
  );
}

/** @param {string} name @param {string} text @param {Element | null} key @param {Element} chart */
function figure(name, text, key, chart) {
  return h("section", { class: "card figure" }, h("div", { class: "figure-head" }, h("h2", null, name), h("p", null, text), key), chart);
}

function legend() {
  const one = (/** @type {string} */ status, /** @type {string} */ word) => h("span", { "data-status": status }, word);
  return h("p", { class: "legend" }, one("succeeded", "succeeded"), one("failed", "failed"), one("canceled", "canceled"), one("unknown", "unknown"));
}
