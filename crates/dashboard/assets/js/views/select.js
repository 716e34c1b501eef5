// A field to choose from a list.

import { h } from "../dom.js";

/** @param {string} label @param {[string, string][]} options @param {string | null} value @param {(value: string) => void} choose */
export function select(label, options, value, choose) {
  const element = h("select", { class: "select", "aria-label": label }, options.map(([name, word]) => h("option", { value: name }, word)));
  element.value = value ?? "";
  element.addEventListener("change", () => choose(element.value));
  return element;
}
