// The numbers over everything that was asked for, each with what it counts and why it may be missing.

import { h } from "../dom.js";
import { duration } from "../format.js";
import { explain, leftOut } from "./explain.js";

/** @import { Insight } from "../../../types/slipway.js" */

const REASONS = /** @type {Record<string, string>} */ ({
  nothing_ended: "nothing ended",
  nothing_succeeded: "nothing succeeded",
  nothing_failed: "nothing failed",
  times_unknown: "the platforms do not tell the times",
});

/** @param {Insight} total */
export function tiles({ frequency, failure_rate, duration: took, lead_time, recovery }) {
  return h(
    "div",
    { class: "tiles" },
    tile("frequency", "Deployments a day", rate(frequency.per_day), `${frequency.counted} in ${frequency.days} days`, frequency.left_out),
    tile("failure_rate", "Failure rate", percent(failure_rate.value), known(failure_rate.reason, `of ${failure_rate.counted}`), failure_rate.left_out),
    time("duration", "Duration", took),
    time("recovery", "Time to recover", recovery),
    time("lead_time", "Lead time", lead_time),
  );
}

/** @param {string} metric @param {string} title @param {Insight["duration"]} spread */
function time(metric, title, { median_ms, p95_ms, counted, left_out, reason }) {
  return tile(metric, title, duration(median_ms), known(reason, `median of ${counted}, 95th percentile ${duration(p95_ms)}`), left_out);
}

/** @param {string} metric @param {string} title @param {string} value @param {string} text @param {number} left */
function tile(metric, title, value, text, left) {
  return h(
    "section",
    { class: "card tile", "data-metric": metric },
    h("h2", null, title),
    h("p", { class: "value" }, value),
    h("p", { class: "how" }, text + leftOut(left)),
    h("button", { class: "text-button", type: "button", "aria-label": `${title}: what is counted, and why`, onclick: () => explain(metric, title) }, "What is counted?"),
  );
}

/** @param {string | null} reason @param {string} text */
const known = (reason, text) => (reason === null ? text : (REASONS[reason] ?? reason));

/** @param {number | null} value */
export const percent = (value) => (value === null ? "—" : `${(value * 100).toFixed(value > 0 && value < 0.1 ? 1 : 0)} %`);

/** @param {number | null} value */
export const rate = (value) => (value === null ? "—" : value.toFixed(value > 0 && value < 10 ? 2 : 0));
