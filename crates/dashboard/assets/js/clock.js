// The gateway's time, and what ticks on a page.

import { age, duration } from "./format.js";
import { h } from "./dom.js";

/** How far this machine's clock is behind the gateway's, in milliseconds. */
let offset = 0;
let isKnown = false;

/** Learns from a time that the gateway has just told. @param {string} time */
export function learn(time) {
  const told = Date.parse(time);
  if (Number.isNaN(told)) return;
  const seen = told - Date.now();
  // A message that was under way for long makes the gateway look behind: the largest value is the best one.
  offset = isKnown ? Math.max(offset - 50, seen) : seen;
  isKnown = true;
}

/** The gateway's time in milliseconds. */
export const now = () => Date.now() + offset;

/**
 * How long ago something was; keeps itself up to date.
 * @param {string | null | undefined} time
 * @param {string} [suffix]
 */
export function ago(time, suffix = "") {
  if (!time) return h("span", null, "—");
  const element = h("time", { datetime: time, title: exact(time), "data-tick": "age", "data-suffix": suffix });
  tick(element);
  return element;
}

/** How long something has been going on; keeps itself up to date. @param {string} time */
export function elapsed(time) {
  const element = h("time", { datetime: time, title: `since ${exact(time)}`, "data-tick": "elapsed" });
  tick(element);
  return element;
}

/**
 * A bar that fills while something runs, full at what is usual for it.
 * @param {string} since
 * @param {number | null} usualMs
 */
export function progress(since, usualMs) {
  if (!usualMs) return null;
  const element = h("div", { class: "bar", "data-tick": "bar", "data-since": since, "data-usual": usualMs }, h("i"));
  tick(element);
  return element;
}

/** The whole time, in the zone of this machine. @param {string} time */
export function exact(time) {
  return new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/** The time to the second, without the year where that is this one. @param {string} time */
export function short(time) {
  const date = new Date(time);
  const isThisYear = date.getFullYear() === new Date(now()).getFullYear();
  const day = date.toLocaleDateString(undefined, { day: "numeric", month: "short", year: isThisYear ? undefined : "numeric" });
  return `${day}, ${date.toLocaleTimeString()}`;
}

/** @param {HTMLElement} element */
function tick(element) {
  const kind = element.dataset.tick;
  if (kind === "bar") {
    const part = (now() - Date.parse(element.dataset.since ?? "")) / Number(element.dataset.usual);
    const fill = /** @type {HTMLElement | null} */ (element.firstElementChild);
    fill?.style.setProperty("width", `${Math.min(Math.max(part, 0.02), 1) * 100}%`);
    element.classList.toggle("over", part > 1);
    return;
  }
  const passed = Math.max(0, now() - Date.parse(element.getAttribute("datetime") ?? ""));
  const text = kind === "elapsed" ? duration(passed) : age(passed);
  const whole = text === "now" ? (element.dataset.suffix ? "just now" : text) : text + (element.dataset.suffix ?? "");
  if (element.textContent !== whole) element.textContent = whole;
}

setInterval(() => {
  if (document.visibilityState === "hidden") return;
  for (const element of document.querySelectorAll("[data-tick]")) tick(/** @type {HTMLElement} */ (element));
}, 1000);
