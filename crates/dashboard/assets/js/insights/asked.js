// What the page of insights is asked for: it lies in the address, so that a link and a reload show the same.

import { query } from "../router.js";

/** What narrows both the numbers and the lists behind them. */
export const FILTERS = ["application", "environment", "provider", "account", "label"];

export const PERIODS = /** @type {[string, string][]} */ ([
  ["7", "7 days"],
  ["30", "30 days"],
  ["90", "90 days"],
  ["365", "A year"],
]);

/** How the gateway takes names of time zones. */
const ZONE = /^(UTC|[A-Za-z_-]+(\/[A-Za-z_-]+)+)$/;

/** The zone of this machine. */
export function ownZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
  return ZONE.test(zone) ? zone : "UTC";
}

/** Whose days are shown. */
export function zone() {
  const wanted = query().get("zone") ?? "";
  return ZONE.test(wanted) ? wanted : ownZone();
}

/** How many days. */
export function days() {
  const wanted = query().get("days") ?? "";
  return PERIODS.some(([name]) => name === wanted) ? Number(wanted) : 30;
}

/** How long a bar is, by default so that there are neither few nor many. */
export function interval() {
  const wanted = query().get("interval") ?? "";
  if (["day", "week", "month"].includes(wanted)) return wanted;
  return days() > 180 ? "month" : days() > 60 ? "week" : "day";
}

/** The filters of the address. @returns {Record<string, string>} */
export function filters() {
  const wanted = query();
  return Object.fromEntries(FILTERS.flatMap((name) => (wanted.get(name) ? [[name, wanted.get(name) ?? ""]] : [])));
}

/** The parameters that both operations take. */
export function parameters() {
  return { ...filters(), time_zone: zone(), from: firstDay() };
}

/** The first day of the period, in its zone. */
function firstDay() {
  const name = new Intl.DateTimeFormat("en-CA", { timeZone: zone(), year: "numeric", month: "2-digit", day: "2-digit" });
  const today = new Date(`${name.format(new Date())}T00:00:00Z`);
  return new Date(today.getTime() - (days() - 1) * 86_400_000).toISOString().slice(0, 10);
}

/**
 * The list that shows exactly the deployments that are counted.
 * @param {{ starts_at: string, ends_at: string }} window
 * @param {string} status
 * @param {Record<string, string>} [more]
 */
export function listOf({ starts_at, ends_at }, status, more = {}) {
  const wanted = { ...filters(), ...more, status, created_after: starts_at, created_before: ends_at };
  return `/feed?${new URLSearchParams(Object.entries(wanted).filter(([, value]) => value))}`;
}
