// How fresh this is: whether the page hears of changes, and how long ago each account was read. Never rosier than it is.

import { onRefused, read } from "./api.js";
import { ago, now } from "./clock.js";
import { fill, h } from "./dom.js";
import { providerName, spoken } from "./format.js";
import * as live from "./live.js";

/** @import { Account, AccountFreshness } from "../../types/slipway.js" */

const place = /** @type {HTMLElement} */ (document.getElementById("freshness"));
const notice = /** @type {HTMLElement} */ (document.getElementById("notice"));
/** Modes, reasons in full and next attempts come from here; the rest by heartbeats. */
const ACCOUNTS_EVERY_MS = 60_000;

/** @type {Map<string, Pick<Account, "name" | "provider" | "freshness">>} */
const accounts = new Map();
let readAt = -Infinity;
let isAllowed = true;
let shown = "";
let lastLive = /** @type {number | null} */ (null);
/** What was read of an account in trouble looks old, wherever it stands (`data-account`). */
const oldLooks = new CSSStyleSheet();
document.adoptedStyleSheets.push(oldLooks);

export function start() {
  onRefused(() => (isAllowed = false));
  live.onState(show);
  live.onFreshness(take);
  live.onEvent((event) => event.type === "account.freshness_changed" && (readAt = -Infinity));
  setInterval(show, 1000);
  show();
}

/** @param {AccountFreshness[]} list */
function take(list) {
  for (const { account, state, last_success_at, reason } of list) {
    const known = accounts.get(account);
    if (known) known.freshness = { ...known.freshness, state, last_success_at, reason };
    else readAt = -Infinity;
  }
  show();
}

async function readAccounts() {
  if (!isAllowed || !live.isLive() || Date.now() - readAt < ACCOUNTS_EVERY_MS) return;
  readAt = Date.now();
  const list = await read("/accounts").catch(() => null);
  if (!list) return;
  accounts.clear();
  for (const account of list.items) accounts.set(account.name, account);
  show();
}

function show() {
  if (live.isLive()) lastLive = Date.now();
  void readAccounts();
  const link = linkState();
  document.body.toggleAttribute("data-stale", link.tone === "bad");
  const list = [...accounts.values()].map((account) => ({ account, ...accountState(account) }));
  const sign = JSON.stringify([link, list.map(({ account, tone, text }) => [account, tone, text])]);
  if (sign === shown) return;
  shown = sign;
  fill(
    place,
    h("span", { class: "fresh-link", "data-tone": link.tone, title: link.title }, h("span", { class: "fresh-dot" }), link.text),
    list.map(({ account, tone, text, title }) =>
      h(
        "span",
        { class: "fresh-account", "data-tone": tone, title },
        h("b", null, accountName(account)),
        text ?? ago(account.freshness.last_success_at),
        account.freshness.mode === "poll" && !text ? " (poll)" : null,
      ),
    ),
  );
  showNotice(link, list);
  const old = list.filter(({ account }) => ["error", "stale"].includes(account.freshness.state));
  const places = old.map(({ account }) => `[data-account="${CSS.escape(account.name)}"]`);
  oldLooks.replaceSync(places.length > 0 ? `main :is(${places.join()}) { filter: saturate(.25); opacity: .62; }` : "");
}

function linkState() {
  const { phase, retryAt } = live.state();
  if (phase === "live" && live.isLive()) return { tone: "good", text: "Live", title: "Changes are shown as they happen." };
  if (phase === "polling" && live.isLive()) {
    return {
      tone: "good",
      text: "Live (long poll)",
      title: "Server-sent events do not get through to here; changes are asked for instead.",
    };
  }
  if (phase === "refused") return { tone: "bad", text: "Signed out", title: "The token is not valid any more." };
  if (phase === "connecting" && lastLive === null) return { tone: "warn", text: "Connecting", title: "" };
  const seconds = retryAt ? Math.max(0, Math.ceil((retryAt - Date.now()) / 1000)) : 0;
  return {
    tone: "bad",
    text: seconds > 1 ? `Not connected, again in ${seconds} s` : "Reconnecting",
    title: "What is shown was true when the connection was lost.",
  };
}

/** @param {Pick<Account, "name" | "provider" | "freshness">} account */
function accountState({ freshness: { state, reason, next_attempt_at } }) {
  const [code, ...rest] = (reason ?? "").split(":");
  const title = rest.join(":").trim() || reason || "";
  if (state === "error") {
    const wait = next_attempt_at && Date.parse(next_attempt_at) - now() > 5000;
    const until = wait ? ` until ${new Date(next_attempt_at).toLocaleTimeString(undefined, { timeStyle: "short" })}` : "";
    return { tone: /unauth|forbidden|permission/.test(code) ? "bad" : "warn", text: spoken(code || "error") + until, title };
  }
  if (state === "stale") return { tone: "warn", text: null, title: title || "No successful read for longer than is usual." };
  if (state === "never") return { tone: "warn", text: "not read yet", title };
  return { tone: "good", text: null, title: state === "syncing" ? "History is still being read." : "" };
}

/** By its provider where that says enough. @param {Pick<Account, "name" | "provider">} account */
function accountName({ name, provider }) {
  const same = [...accounts.values()].filter((other) => other.provider === provider);
  return same.length > 1 ? name : providerName(provider);
}

/**
 * @param {{ tone: string, text: string }} link
 * @param {{ account: Pick<Account, "name" | "provider" | "freshness">, tone: string, text: string | null, title: string }[]} list
 */
function showNotice(link, list) {
  const troubled = list.filter(({ account }) => account.freshness.state === "error");
  notice.hidden = link.tone !== "bad" && troubled.length === 0;
  if (notice.hidden) fill(notice);
  notice.dataset.tone = link.tone === "bad" ? "bad" : "warn";
  if (link.tone === "bad") {
    const since = lastLive ? ` This is as of ${new Date(lastLive).toLocaleTimeString()}.` : "";
    fill(notice, h("strong", null, "Not connected to the gateway."), since, retryButton());
  } else if (troubled.length > 0) {
    const [{ account, title, text }] = troubled;
    const until = account.freshness.last_success_at;
    fill(
      notice,
      h("strong", null, `${accountName(account)}: ${text}.`),
      title ? ` ${title}` : "",
      until ? [" Its last good data is from ", ago(until), " ago and stays."] : null,
    );
  }
}

function retryButton() {
  return h("button", { class: "button", type: "button", onclick: () => live.wake() }, "Try now");
}
