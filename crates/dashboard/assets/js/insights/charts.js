// Charts as drawings in the page: every bar is a link to exactly the deployments that it counts.

import { h, svg } from "../dom.js";
import { counted, duration } from "../format.js";
import { statusWord } from "../status.js";
import { listOf } from "./asked.js";

/** @import { IntervalInsight } from "../../../types/slipway.js" */

const HEIGHT = 150;
const WIDTH = 1000;
const FOOT = 22;
const SIDE = 52;

/** From the bottom up. What is stopped or unknown is neither good nor bad. */
const STACK = /** @type {["succeeded", "failed", "canceled", "unknown"]} */ (["succeeded", "failed", "canceled", "unknown"]);

/** How many deployments, by how they ended. @param {IntervalInsight[]} intervals */
export function frequencyChart(intervals) {
  const most = Math.max(1, ...intervals.map(({ insight }) => STACK.reduce((sum, status) => sum + insight[status], 0)));
  const scale = nice(most);
  return chart("Deployments", intervals, scale, (value) => String(value), (interval, x, width) => {
    let y = HEIGHT;
    return STACK.map((status) => {
      const count = interval.insight[status];
      if (count === 0) return null;
      const height = (count / scale) * HEIGHT;
      y -= height;
      const text = `${counted(count, "deployment")} ${statusWord(status).toLowerCase()}, ${name(interval)}`;
      return svg(
        "a",
        { href: listOf(interval, status), "aria-label": text, "data-bar": status },
        svg("title", null, text),
        svg("rect", { class: "mark", "data-status": status, x, y, width, height: Math.max(height - 1, 1.5), rx: 1.5 }),
      );
    });
  });
}

/** How long those took that succeeded: from the median to the 95th percentile. @param {IntervalInsight[]} intervals */
export function durationChart(intervals) {
  const most = Math.max(1000, ...intervals.map(({ insight }) => insight.duration.p95_ms ?? 0));
  const scale = niceTime(most);
  return chart("Duration", intervals, scale, duration, (interval, x, width) => {
    const { median_ms, p95_ms } = interval.insight.duration;
    if (median_ms === null || p95_ms === null) return null;
    const at = (/** @type {number} */ ms) => HEIGHT - (ms / scale) * HEIGHT;
    const text = `Median ${duration(median_ms)}, 95th percentile ${duration(p95_ms)}, ${name(interval)}`;
    const top = Math.min(at(p95_ms), HEIGHT - 3);
    return svg(
      "a",
      { href: listOf(interval, "succeeded"), "aria-label": text, "data-bar": "duration" },
      svg("title", null, text),
      svg("rect", { class: "range", x, y: top, width, height: HEIGHT - top, rx: 1.5 }),
      svg("rect", { class: "median", x, y: Math.min(at(median_ms), HEIGHT - 3), width, height: 3, rx: 1.5 }),
    );
  });
}

/**
 * @param {string} label
 * @param {IntervalInsight[]} intervals
 * @param {number} scale What the top of the chart stands for.
 * @param {(value: number) => string} word
 * @param {(interval: IntervalInsight, x: number, width: number) => import("../dom.js").Child} draw
 */
function chart(label, intervals, scale, word, draw) {
  const step = (WIDTH - SIDE) / intervals.length;
  const width = Math.min(Math.max(step * 0.72, 1.5), 46);
  const lines = [0, 0.5, 1].map((share) => {
    const y = HEIGHT - share * HEIGHT;
    return [
      svg("line", { class: "grid", x1: SIDE, x2: WIDTH, y1: y, y2: y }),
      svg("text", { class: "axis", x: SIDE - 8, y: y + 4, "text-anchor": "end" }, share === 0 ? "0" : word(scale * share)),
    ];
  });
  const every = Math.ceil(intervals.length / 8);
  const bars = intervals.map((interval, index) => {
    const x = SIDE + step * index + (step - width) / 2;
    const isNamed = index % every === 0;
    const label = isNamed ? svg("text", { class: "axis", x: x + width / 2, y: HEIGHT + FOOT - 5, "text-anchor": "middle" }, day(interval.first_day)) : null;
    return svg("g", null, draw(interval, x, width), label);
  });
  return h(
    "div",
    { class: "chart", tabindex: "0", role: "region", "aria-label": `${label}, chart` },
    svg("svg", { viewBox: `0 -8 ${WIDTH} ${HEIGHT + FOOT + 8}`, role: "group", "aria-label": label }, lines, bars),
  );
}

/** A whole number that two halves of a chart can stand for. @param {number} most */
function nice(most) {
  const unit = 10 ** Math.floor(Math.log10(most));
  return [2, 4, 6, 10].map((times) => times * unit).find((value) => value >= most && value % 2 === 0) ?? 2;
}

/** A round time. @param {number} most In milliseconds. */
function niceTime(most) {
  const minute = 60_000;
  const rounds = [2_000, 10_000, 20_000, minute, 2 * minute, 4 * minute, 10 * minute, 20 * minute, 60 * minute, 120 * minute, 480 * minute];
  return rounds.find((round) => round >= most) ?? most;
}

/** A day, whatever the zone of this machine is. @param {string} text @param {boolean} [hasYear] */
export const day = (text, hasYear = false) =>
  new Date(`${text}T00:00:00Z`).toLocaleDateString(undefined, { day: "numeric", month: "short", year: hasYear ? "numeric" : undefined, timeZone: "UTC" });

/** What a bar stands for. @param {IntervalInsight} interval */
function name({ first_day, last_day, is_over }) {
  const days = first_day === last_day ? day(first_day) : `${day(first_day)} to ${day(last_day)}`;
  return is_over ? days : `${days}, so far`;
}
