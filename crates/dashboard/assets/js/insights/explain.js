// Why a number is what it is: how it is computed, what it leaves out, and every deployment that it looked at.

import { read } from "../api.js";
import { fill, h } from "../dom.js";
import { counted, duration, spoken } from "../format.js";
import { statusMark } from "../status.js";
import { short } from "../clock.js";
import { parameters } from "./asked.js";

/** @import { InsightExplanation, ExplainedDeployment } from "../../../types/slipway.js" */

const PAGE = 25;

/** @param {string} metric @param {string} title */
export function explain(metric, title) {
  document.querySelector("dialog.explain")?.remove();
  const ending = new AbortController();
  const asked = { ...parameters(), metric, limit: PAGE };
  const dialog = h("dialog", { class: "explain", "aria-labelledby": "explain-title" });
  const body = h("div", { class: "body" }, h("p", { class: "lead" }, "Reading…"));
  fill(
    dialog,
    h("h2", { id: "explain-title" }, `${title}: what is counted`),
    body,
    h("div", { class: "buttons" }, h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Close")),
  );
  dialog.addEventListener("close", () => {
    ending.abort();
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
  read("/insights/explain", asked, ending.signal).then(
    (/** @type {InsightExplanation} */ answer) => draw(body, answer, (cursor) => read("/insights/explain", { ...asked, cursor }, ending.signal)),
    (error) => ending.signal.aborted || fill(body, h("p", { class: "refusal" }, error.message)),
  );
  addEventListener("popstate", () => dialog.close(), { signal: ending.signal });
  dialog.addEventListener("click", (click) => /** @type {Element} */ (click.target).closest("a[href]") && dialog.close());
}

/** @param {HTMLElement} body @param {InsightExplanation} first @param {(cursor: string) => Promise<InsightExplanation>} next */
function draw(body, first, next) {
  const rows = h("ul", { class: "explained", "aria-label": "Deployments" });
  const foot = h("div", { class: "more" });
  const add = (/** @type {InsightExplanation} */ page) => {
    rows.append(...page.items.map(item));
    const more = h("button", { class: "button", type: "button" }, "More");
    more.addEventListener("click", async () => {
      more.setAttribute("aria-busy", "true");
      await next(page.next_cursor ?? "").then(add, () => more.removeAttribute("aria-busy"));
    });
    fill(foot, page.next_cursor ? more : null);
  };
  fill(
    body,
    h("p", { class: "lead" }, first.definition),
    h(
      "dl",
      { class: "reckoning" },
      line(first.looked_at, "created in these days"),
      first.left_out.map((row) => line(-row.deployments, row.explanation, spoken(row.reason))),
      line(first.counted, "counted", "", "sum"),
    ),
    rows,
    foot,
  );
  add(first);
}

/** @param {number} count @param {string} text @param {string} [reason] @param {string} [kind] */
function line(count, text, reason = "", kind = "") {
  return h("div", { class: kind }, h("dt", null, count < 0 ? `− ${-count}` : String(count)), h("dd", null, reason ? h("b", null, `${reason}: `) : null, text));
}

/** @param {ExplainedDeployment} item */
function item({ deployment_id, application_name, created_at, status, is_counted, reason, value_ms }) {
  const verdict = is_counted ? (value_ms === null ? "counted" : duration(value_ms)) : spoken(reason ?? "");
  return h(
    "li",
    null,
    h("a", { href: `/deployments/${deployment_id}`, class: is_counted ? "" : "left-out" }, statusMark(status), h("span", { class: "name" }, application_name), h("span", { class: "when" }, short(created_at)), h("span", { class: "verdict" }, verdict)),
  );
}

/** @param {number} left */
export const leftOut = (left) => (left > 0 ? `, ${counted(left, "left out", "left out")}` : "");
