// The log of a deployment: follows to its end, finds words, links to lines, can be saved.

import { request } from "../api.js";
import { fill, h, icon, pop } from "../dom.js";
import { counted } from "../format.js";
import { painted, Pen, plain } from "./ansi.js";
import { followLog, readLog } from "./source.js";

/** @import { Deployment } from "../../../types/slipway.js" */

/** More lines than anybody scrolls through, and few enough for any machine. The file has all. */
const MOST_LINES = 20_000;
/** This near to the end means that one wants to see what comes. */
const NEAR_PX = 40;

/** @param {Deployment} deployment @param {AbortSignal} pageSignal */
export function logPane(deployment, pageSignal) {
  const closing = new AbortController();
  pageSignal.addEventListener("abort", () => closing.abort());
  const { id } = deployment;
  /** @type {string[]} */
  let texts = [];
  let first = 1;
  let pen = new Pen();
  let isFollowing = true;
  let isLive = false;
  let hits = /** @type {number[]} */ ([]);
  let hit = -1;

  const list = h("ol");
  const end = h("div", { class: "log-end" }, "Reading…");
  const lines = h("div", { class: "log-lines", tabindex: "0", role: "log", "aria-live": "off", "aria-label": "Log" }, list, end);
  const search = h("input", { class: "input", type: "search", placeholder: "Find in log", "aria-label": "Find in log" });
  const count = h("span", { class: "count", role: "status" });
  const follow = h("button", { class: "chip", type: "button", "aria-pressed": "true", onclick: () => setFollowing(!isFollowing) }, "Follow");
  const save = h("button", { class: "icon-button", type: "button", "aria-label": "Save the log", title: "Save the log", onclick: download }, icon("down"));
  const root = h("div", null, h("div", { class: "log-tools" }, h("span", { class: "field" }, icon("search"), search), count, h("span", { class: "grow" }), follow, save), lines);

  search.addEventListener("input", find);
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    showHit(hit + (event.shiftKey ? -1 : 1));
  });
  lines.addEventListener("scroll", () => {
    const isAtEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < NEAR_PX;
    if (isAtEnd !== isFollowing && isLive) setFollowing(isAtEnd, false);
  });
  lines.addEventListener("click", (event) => {
    const link = /** @type {HTMLElement} */ (event.target).closest("a");
    if (!link) return;
    event.preventDefault();
    history.replaceState(history.state, "", link.hash);
    choose();
  });

  /** @param {boolean} on @param {boolean} [scroll] */
  function setFollowing(on, scroll = true) {
    isFollowing = on;
    follow.setAttribute("aria-pressed", String(on));
    if (on && scroll) toEnd();
  }
  const toEnd = () => (lines.scrollTop = lines.scrollHeight);

  /** @param {string[]} fresh @param {number} from */
  function put(fresh, from) {
    // After a reconnect a line may come again.
    const known = first + texts.length;
    const added = from < known ? fresh.slice(known - from) : fresh;
    if (added.length === 0) return;
    if (texts.length === 0) first = from;
    const start = first + texts.length;
    texts.push(...added);
    const skipped = Math.max(0, added.length - MOST_LINES);
    const nodes = added.slice(skipped).map((text, index) => drawLine(text, start + skipped + index));
    list.append(...nodes);
    while (list.childElementCount > MOST_LINES) list.firstElementChild?.remove();
    if (search.value) find();
    if (isFollowing && isLive) toEnd();
  }

  /** @param {string} text @param {number} number */
  function drawLine(text, number) {
    return h("li", { id: `L${number}` }, h("a", { href: `#L${number}`, tabindex: "-1", "aria-label": `Line ${number}` }, String(number)), h("span", null, painted(text, pen)));
  }

  function choose() {
    list.querySelector(".chosen")?.classList.remove("chosen");
    const wanted = /^#L\d+$/.test(location.hash) ? document.getElementById(location.hash.slice(1)) : null;
    if (!wanted || !list.contains(wanted)) return;
    wanted.classList.add("chosen");
    setFollowing(false);
    wanted.scrollIntoView({ block: "center" });
  }

  function find() {
    const wanted = search.value.toLowerCase();
    for (const mark of list.querySelectorAll("mark")) mark.replaceWith(...mark.childNodes);
    hits = [];
    hit = -1;
    if (wanted.length > 1) {
      texts.forEach((text, index) => plain(text).toLowerCase().includes(wanted) && hits.push(first + index));
      hits.forEach((number) => markLine(number, wanted));
      showHit(0, false);
    }
    showCount();
  }

  /** @param {number} number @param {string} wanted */
  function markLine(number, wanted) {
    const line = document.getElementById(`L${number}`)?.lastElementChild;
    if (!line) return;
    line.normalize();
    const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
    const found = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const at = (node.nodeValue ?? "").toLowerCase().indexOf(wanted);
      if (at >= 0) found.push({ node: /** @type {Text} */ (node), at });
    }
    for (const { node, at } of found) {
      const word = node.splitText(at);
      word.splitText(wanted.length);
      const mark = h("mark");
      word.replaceWith(mark);
      mark.append(word);
    }
  }

  /** @param {number} wanted @param {boolean} [scroll] */
  function showHit(wanted, scroll = true) {
    if (hits.length === 0) return;
    hit = (wanted + hits.length) % hits.length;
    list.querySelector("mark.here")?.classList.remove("here");
    const line = document.getElementById(`L${hits[hit]}`);
    line?.querySelector("mark")?.classList.add("here");
    if (scroll || !isFollowing) line?.scrollIntoView({ block: "center" });
    showCount();
  }

  function showCount() {
    if (search.value.length > 1) count.textContent = hits.length > 0 ? `${hit + 1} of ${hits.length}` : "not found";
    else count.textContent = texts.length > 0 ? counted(texts.length, "line") : "";
  }

  async function download() {
    try {
      const file = await (await request("GET", `/deployments/${id}/logs`)).blob();
      const link = h("a", { href: URL.createObjectURL(file), download: `${id}.log` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    } catch (error) {
      pop(error instanceof Error ? error.message : "The log cannot be read.");
    }
  }

  /** @type {import("./source.js").Reader} */
  const reader = {
    onLines(fresh, from) {
      put(fresh, from);
      showCount();
    },
    onReset() {
      texts = [];
      pen = new Pen();
      list.replaceChildren();
    },
    onEnd(why, reason) {
      isLive = false;
      follow.hidden = true;
      end.textContent = why !== "end" ? "The session has ended" : texts.length === 0 ? "The log is empty" : reason && reason !== "complete" ? `End of the log (${reason.replaceAll("_", " ")})` : "End of the log";
    },
    onState: (isConnected, message) => (end.textContent = isConnected ? "Waiting for more…" : message || "Reconnecting…"),
  };

  async function begin() {
    isLive = deployment.logs.live && !deployment.logs.complete;
    follow.hidden = !isLive;
    if (isLive) return followLog(id, reader, closing.signal);
    await readLog(id, reader, closing.signal);
    reader.onEnd("end");
    choose();
  }
  begin().catch((error) => !closing.signal.aborted && fill(end, error.message));

  return {
    root,
    shown() {
      if (isFollowing && isLive) toEnd();
      else choose();
    },
    /** @param {Deployment} fresh */
    update: (fresh) => void (deployment = fresh),
    close: () => closing.abort(),
  };
}
