// The head of the board: search, filters, groups.

import { fill, h, icon, reconcile } from "../dom.js";
import { providerName } from "../format.js";
import { query, setQuery } from "../router.js";
import { select } from "../views/select.js";
import { isAt } from "./rows.js";

/** @import { BoardItem } from "../../../types/slipway.js" */

const CHIPS = [
  { value: "running", word: "Running", status: "in_progress" },
  { value: "failed", word: "Failed", status: "failed" },
];

/** @param {HTMLElement} head @param {() => void} redraw */
export function drawHead(head, redraw) {
  const wanted = query();
  const search = h("input", { class: "input", type: "search", placeholder: "Find an application", "aria-label": "Find an application", value: wanted.get("q") });
  search.addEventListener("input", () => change({ q: search.value }));
  const group = select("Group", [["", "No groups"], ["owner", "By owner"], ["provider", "By provider"]], wanted.get("group"), (value) => change({ group: value }));
  const provider = select("Provider", [["", "All providers"]], null, (value) => change({ provider: value }));
  const chips = h("div", { class: "chips", role: "group", "aria-label": "Filter by status" });
  /** @param {Record<string, string>} wish */
  const change = (wish) => {
    setQuery(wish);
    redraw();
  };
  fill(head, h("h1", null, "Board"), chips, h("span", { class: "grow" }), h("span", { class: "field" }, icon("search"), search, h("kbd", null, "/")), provider, group);
  let providers = "";
  return (/** @type {BoardItem[]} */ items) => {
    const names = [...new Set(items.map((item) => item.application.provider))].sort();
    if (names.join() !== providers) {
      providers = names.join();
      fill(provider, h("option", { value: "" }, "All providers"), names.map((name) => h("option", { value: name }, providerName(name))));
      provider.value = query().get("provider") ?? "";
    }
    const chosen = query().get("status") ?? "";
    reconcile(chips, CHIPS, {
      key: ({ value }) => value,
      sign: ({ value }) => `${chosen === value} ${items.filter((item) => isAt(item, value)).length}`,
      draw: ({ value, word, status }) =>
        h(
          "button",
          { class: "chip", type: "button", "data-status": status, "aria-pressed": String(chosen === value), onclick: () => change({ status: chosen === value ? "" : value }) },
          icon(status),
          word,
          h("b", null, String(items.filter((item) => isAt(item, value)).length)),
        ),
    });
  };
}
