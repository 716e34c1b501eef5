// What a deployment went through: the phases as one bar, the states as a list.

import { ago, elapsed, exact } from "../clock.js";
import { fill, h, icon } from "../dom.js";
import { duration, spoken } from "../format.js";
import { phaseWord, statusWord } from "../status.js";

/** @import { Deployment, TimelineEntry } from "../../../types/slipway.js" */

/** @param {TimelineEntry} entry */
const begin = (entry) => Date.parse(entry.time ?? entry.recorded_at);

/** @param {TimelineEntry} entry */
const word = ({ status, phase }) => (status === "in_progress" && phase ? phaseWord(phase) : statusWord(status));

/**
 * Only what was watched has phases: of the past the platforms tell the whole, not the parts.
 * @param {HTMLElement} card @param {Deployment} deployment @param {TimelineEntry[]} entries
 */
export function phases(card, deployment, entries) {
  const steps = entries.filter((entry) => entry.status === "queued" || entry.status === "in_progress");
  const last = entries.at(-1);
  const parts = steps.map((entry, index) => {
    const next = entries[entries.indexOf(entry) + 1];
    const isNow = !next && !deployment.is_finished && index === steps.length - 1;
    return { entry, isNow, ms: next ? Math.max(0, begin(next) - begin(entry)) : null };
  });
  const known = parts.reduce((sum, part) => sum + (part.ms ?? 0), 0);
  card.hidden = false;
  if (parts.length === 0 || (known === 0 && !parts.some((part) => part.isNow))) {
    const whole = [deployment.queued_ms === null ? null : `waited ${duration(deployment.queued_ms)}`, deployment.duration_ms === null ? null : `worked ${duration(deployment.duration_ms)}`].filter(Boolean).join(", ");
    fill(card, h("h2", null, "Phases"), h("p", { class: "sub" }, last && !whole ? "No phase was seen." : `It ${whole || "has not begun"}. Its phases were not watched.`));
    return;
  }
  const bar = h("div", { class: "phase-bar", "aria-hidden": "true" });
  for (const { entry, ms, isNow } of parts) {
    const part = h("i", { "data-status": entry.status, class: isNow ? "now" : null, title: word(entry) });
    // What goes on now is as wide as what was, until it is known.
    part.style.setProperty("flex-grow", String(isNow ? Math.max(known, 1) : Math.max(ms ?? 0, known / 60)));
    bar.append(part);
  }
  fill(
    card,
    h("h2", null, "Phases"),
    bar,
    h(
      "div",
      { class: "phase-legend" },
      parts.map(({ entry, ms, isNow }) => h("span", null, h("b", null, word(entry)), isNow ? elapsed(entry.time ?? entry.recorded_at) : duration(ms))),
    ),
  );
}

/** @param {TimelineEntry[]} entries */
export function timeline(entries) {
  if (entries.length === 0) return h("p", { class: "empty" }, "Nothing has been seen of it yet.");
  return h(
    "ol",
    { class: "timeline" },
    entries.map((entry) =>
      h(
        "li",
        { "data-status": entry.status },
        h("span", null, icon(entry.status)),
        h(
          "span",
          null,
          h("strong", null, word(entry)),
          entry.is_correction ? [" ", h("span", { class: "tag" }, "correction")] : null,
          entry.failure_reason ? ` · ${spoken(entry.failure_reason)}` : null,
          h("span", { class: "sub" }, h("br"), entry.provider_status ? [h("code", null, entry.provider_status), " · "] : null, `seen by ${entry.observed_via}`, entry.lasted_ms === null ? null : ` · lasted ${duration(entry.lasted_ms)}`),
        ),
        h("span", { class: "when", title: entry.time ? `seen ${exact(entry.recorded_at)}` : "The platform tells no time; this is when it was seen." }, ago(entry.time ?? entry.recorded_at, " ago"), h("br"), new Date(entry.time ?? entry.recorded_at).toLocaleTimeString()),
      ),
    ),
  );
}
