// A path that leads nowhere.

import { fill, h } from "../dom.js";

/** @param {import("../router.js").Page} page */
export function view({ root, title }) {
  title("Not found");
  fill(root, h("div", { class: "empty" }, h("strong", null, "There is no such page"), h("a", { class: "link", href: "/" }, "To the board")));
}
