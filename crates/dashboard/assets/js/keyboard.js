// Keys: everything can be reached without a mouse, and `?` says how.

import { fill, h } from "./dom.js";
import { go } from "./router.js";
import { change } from "./theme.js";

const HELP = /** @type {[string[], string][]} */ ([
  [["/"], "Search"],
  [["j", "k"], "Next and previous row or cell"],
  [["Enter"], "Open it"],
  [["n"], "Show what is new in the feed"],
  [["g", "b"], "Go to the board"],
  [["g", "f"], "Go to the feed"],
  [["g", "i"], "Go to the insights"],
  [["t"], "Change the theme"],
  [["Esc"], "Close, or clear a search"],
  [["?"], "This list"],
]);
const GO = /** @type {Record<string, string>} */ ({ b: "/", f: "/feed", i: "/insights" });

let lastG = 0;

export function start() {
  document.getElementById("help")?.addEventListener("click", showHelp);
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.closest("input, textarea, select, dialog")) {
      if (event.key === "Escape" && target.matches("input[type=search]")) target.blur();
      return;
    }
    if (take(event.key)) event.preventDefault();
  });
}

/** @param {string} key */
function take(key) {
  if (Date.now() - lastG < 1200 && GO[key]) {
    lastG = 0;
    go(GO[key]);
    return true;
  }
  if (key === "g") lastG = Date.now();
  else if (key === "/") return focus("main input[type=search]");
  else if (key === "j") return step(1);
  else if (key === "k") return step(-1);
  else if (key === "n") document.querySelector(/** @type {"button"} */ (".fresh-pill"))?.click();
  else if (key === "t") change();
  else if (key === "?") showHelp();
  else return false;
  return true;
}

/** @param {string} selector */
function focus(selector) {
  const found = /** @type {HTMLInputElement | null} */ (document.querySelector(selector));
  found?.focus();
  found?.select();
  return Boolean(found);
}

/** Moves the focus over what can be opened. @param {1 | -1} by */
function step(by) {
  const all = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("main [data-step]")]);
  if (all.length === 0) return false;
  const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
  all[next].focus();
  all[next].scrollIntoView({ block: "nearest" });
  return true;
}

function showHelp() {
  document.querySelector("dialog.help")?.remove();
  const rows = HELP.map(([keys, what]) => [h("dt", null, ...keys.map((key) => h("kbd", null, key))), h("dd", null, what)]);
  const close = h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Close");
  const dialog = h("dialog", { class: "help", "aria-labelledby": "help-title" });
  fill(
    dialog,
    h("h2", { id: "help-title" }, "Keys"),
    h("div", { class: "body" }, h("dl", { class: "shortcuts" }, rows)),
    h("div", { class: "buttons" }, close),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
