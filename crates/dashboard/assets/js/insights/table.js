// The numbers by environment and by application.

import { h } from "../dom.js";
import { duration, providerName } from "../format.js";
import { query } from "../router.js";
import { listOf } from "./asked.js";
import { percent, rate } from "./tiles.js";

/** @import { DeploymentInsights, Insight } from "../../../types/slipway.js" */

/** @param {DeploymentInsights} answer */
export function tables({ environments, applications, applications_left_out, period }) {
  const byEnvironment = environments.map(({ environment, insight }) => ({
    name: environment ?? "none",
    sub: "",
    href: environment ? narrowed({ environment }) : null,
    list: environment ? { environment } : null,
    insight,
  }));
  const byApplication = applications.map(({ application_id, name, environment, provider, insight }) => ({
    name,
    sub: [environment, providerName(provider)].filter(Boolean).join(" · "),
    href: narrowed({ application: application_id }),
    list: /** @type {Record<string, string>} */ ({ application: application_id }),
    insight,
  }));
  const left = applications_left_out > 0 ? h("p", { class: "more" }, `and ${applications_left_out} applications with fewer deployments: narrow the filters to see them`) : null;
  return [
    environments.length > 1 ? table("Environment", byEnvironment, period) : null,
    applications.length > 0 ? [table("Application", byApplication, period), left] : null,
  ];
}

/** The same page for less. @param {Record<string, string>} more */
function narrowed(more) {
  const wanted = query();
  for (const [name, value] of Object.entries(more)) wanted.set(name, value);
  return `/insights?${wanted}`;
}

/**
 * @param {string} head
 * @param {{ name: string, sub: string, href: string | null, list: Record<string, string> | null, insight: Insight }[]} rows
 * @param {{ starts_at: string, ends_at: string }} period
 */
function table(head, rows, period) {
  const heads = ["Succeeded", "Failed", "A day", "Failure rate", "Median", "95th percentile"];
  return h(
    "div",
    { class: "card sheet", tabindex: "0", role: "region", "aria-label": `Numbers by ${head.toLowerCase()}` },
    h(
      "table",
      null,
      h("thead", null, h("tr", null, h("th", { scope: "col" }, head), heads.map((name) => h("th", { scope: "col" }, name)))),
      h(
        "tbody",
        null,
        rows.map(({ name, sub, href, list, insight }) => {
          const count = (/** @type {"succeeded" | "failed"} */ status) =>
            h("td", null, list && insight[status] > 0 ? h("a", { class: "link", href: listOf(period, status, list) }, insight[status]) : insight[status]);
          const { failure_rate, frequency, duration: took } = insight;
          return h(
            "tr",
            null,
            h("th", { scope: "row" }, href ? h("a", { href, "data-step": true }, name) : name, sub ? h("span", { class: "sub" }, sub) : null),
            count("succeeded"),
            count("failed"),
            h("td", null, rate(frequency.per_day)),
            h("td", null, percent(failure_rate.value)),
            h("td", null, duration(took.median_ms)),
            h("td", null, duration(took.p95_ms)),
          );
        }),
      ),
    ),
  );
}
