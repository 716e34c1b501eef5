// Light, dark, or what the system says.

import { fill, icon } from "./dom.js";

const KEY = "slipway-theme";
const ORDER = ["auto", "light", "dark"];
const DRAWINGS = /** @type {Record<string, string>} */ ({ auto: "auto", light: "sun", dark: "moon" });
const button = /** @type {HTMLButtonElement} */ (document.getElementById("theme"));

export function start() {
  show();
  button.addEventListener("click", change);
  addEventListener("storage", (event) => event.key === KEY && show());
}

export function change() {
  const next = ORDER[(ORDER.indexOf(chosen()) + 1) % ORDER.length];
  try {
    if (next === "auto") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // Without storage the choice holds for this page only.
  }
  show(next);
}

function chosen() {
  return document.documentElement.dataset.theme ?? "auto";
}

/** @param {string} [theme] */
function show(theme) {
  let wanted = theme;
  try {
    wanted ??= localStorage.getItem(KEY) ?? "auto";
  } catch {
    wanted ??= "auto";
  }
  if (wanted === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = wanted;
  const label = `Theme: ${wanted === "auto" ? "as the system" : wanted}`;
  button.setAttribute("aria-label", label);
  button.title = `${label} (t)`;
  fill(button, icon(DRAWINGS[wanted] ?? "auto"));
}
