// From paths to views. Views live until the path changes; what they show of themselves lies in the query.

import { ProblemError } from "./api.js";
import { fill, h, say } from "./dom.js";

/**
 * @typedef {Object} Page What a view is given.
 * @property {HTMLElement} root Where it draws.
 * @property {string[]} parts What its path named.
 * @property {AbortSignal} signal Aborted when the view ends: stop everything.
 * @property {(title: string) => void} title Names the page.
 * @typedef {(page: Page) => void | Promise<void>} View
 */

const ROUTES = /** @type {[RegExp, string, () => Promise<{ view: View }>][]} */ ([
  [/^\/$/, "board", () => import("./views/board.js")],
  [/^\/feed$/, "feed", () => import("./views/feed.js")],
  [/^\/insights$/, "insights", () => import("./views/insights.js")],
  [/^\/sign-in$/, "", () => import("./views/sign-in.js")],
  [/^\/deployments\/([^/]+)$/, "feed", () => import("./views/deployment.js")],
  [/^\/applications\/([^/]+)$/, "board", () => import("./views/application.js")],
]);

const main = /** @type {HTMLElement} */ (document.getElementById("main"));
let ending = new AbortController();
let isAsking = false;
/** Where the page was scrolled to, by entry of the history. */
let shownPath = "";

export function start() {
  addEventListener("popstate", () => {
    if (location.pathname !== shownPath) void show();
    else dispatchEvent(new Event("querychange"));
  });
  document.addEventListener("click", (click) => {
    const link = addressed(/** @type {HTMLElement} */ (click.target).closest?.("a[href]"));
    if (!link || link.target || link.hasAttribute("download")) return;
    if (click.defaultPrevented || click.button !== 0 || click.metaKey || click.ctrlKey || click.shiftKey) return;
    if (link.origin !== location.origin || !ROUTES.some(([path]) => path.test(link.pathname))) return;
    if (link.pathname === location.pathname && link.hash) return;
    click.preventDefault();
    go(link.pathname + link.search);
  });
  void show();
}

/** A link, also one within a drawing. @param {Element | null | undefined} element */
function addressed(element) {
  if (element instanceof HTMLAnchorElement) return element;
  return element instanceof SVGAElement ? Object.assign(document.createElement("a"), { href: element.href.baseVal }) : null;
}

/** @param {string} path */
export function go(path) {
  history.pushState(null, "", path);
  scrollTo(0, 0);
  void show();
}

/** The query of the page. */
export const query = () => new URLSearchParams(location.search);

/** Changes the query in place: a reload and a link show the same. @param {Record<string, string | null>} change */
export function setQuery(change) {
  const wanted = query();
  for (const [name, value] of Object.entries(change)) {
    if (value) wanted.set(name, value);
    else wanted.delete(name);
  }
  const text = wanted.toString();
  history.replaceState(history.state, "", location.pathname + (text ? `?${text}` : "") + location.hash);
}

/** Shows the form in place of everything, once. */
export function askToSignIn() {
  if (isAsking) return;
  isAsking = true;
  ending.abort();
  ending = new AbortController();
  void import("./views/sign-in.js").then(({ view }) => view(page([])));
}

async function show() {
  ending.abort();
  ending = new AbortController();
  shownPath = location.pathname;
  const found = ROUTES.find(([path]) => path.test(location.pathname));
  const [path, name, load] = found ?? [/^$/, "", () => import("./views/missing.js")];
  for (const link of document.querySelectorAll("[data-page]")) {
    if (link.getAttribute("data-page") === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const given = page((path.exec(location.pathname) ?? []).slice(1));
  try {
    const { view } = await load();
    if (given.signal.aborted) return;
    await view(given);
  } catch (error) {
    if (given.signal.aborted || isAsking) return;
    showError(given.root, error);
  }
}

/** @param {string[]} parts @returns {Page} */
function page(parts) {
  const root = h("div");
  main.replaceChildren(root);
  return {
    root,
    parts,
    signal: ending.signal,
    title(title) {
      document.title = title === "Slipway" ? title : `${title} · Slipway`;
      say(title);
    },
  };
}

/** @param {Element} root @param {unknown} error */
export function showError(root, error) {
  const isMissing = error instanceof ProblemError && error.status === 404;
  const title = isMissing ? "There is nothing here" : "This could not be shown";
  const text = isMissing
    ? "It does not exist, or your token does not show it."
    : error instanceof Error
      ? error.message
      : String(error);
  const again = h("button", { class: "button", type: "button", onclick: () => void show() }, "Try again");
  fill(root, h("div", { class: "empty" }, h("strong", null, title), text, h("div", null, isMissing ? null : again)));
}
