// One stream for all tabs of an origin: in a shared worker; else in one tab, which the others listen to; else one a tab.
// Part of slipway-events.js, which exports `shareEvents`.

import { followEvents } from "./slipway-events.js";

/**
 * @typedef {import("./slipway-events.js").FollowOptions} FollowOptions
 * @typedef {import("./slipway-events.js").State} State
 * @typedef {import("./slipway-events.js").Follower} Follower
 * @typedef {{ say: "hello" | "wake" | "restart" }} Request From a tab to whoever holds the stream.
 * @typedef {{ say: "state" | "event" | "heartbeat" | "reset", cursor: string | null, state: State, value?: any }} News
 * @typedef {FollowOptions & { workerUrl?: string | null }} ShareOptions `workerUrl` is for a shared worker of the page's own
 *   origin; null for none.
 */

/**
 * What holds the stream and tells everybody.
 * @param {FollowOptions} options
 * @param {(news: News) => void} tell
 */
export function openHub(options, tell) {
  /** @param {News["say"]} say @param {any} [value] */
  const pass = (say, value) => {
    if (follower) tell({ say, value, cursor: follower.cursor, state: follower.state });
  };
  /** @type {Follower | null} */
  let follower = null;
  follower = followEvents({
    ...options,
    onEvent: (event) => pass("event", event),
    onHeartbeat: (heartbeat) => pass("heartbeat", heartbeat),
    onReset: (reset) => pass("reset", reset),
    onState: () => pass("state"),
  });
  return {
    /** @param {Request} request */
    take({ say }) {
      if (say === "hello") pass("state");
      else if (say === "wake") follower?.wake();
      else if (say === "restart" && follower?.state.phase !== "live") follower?.restart();
    },
    close: () => follower?.close(),
  };
}

/**
 * As `followEvents`, with one stream for all tabs. A tab that joins later gets what happens from then on: read your lists
 * after `cursor` is known, with `min_cursor`, and nothing is missed.
 * @param {ShareOptions} options
 * @returns {Follower}
 */
export function shareEvents(options) {
  /** @type {State} */
  let state = { phase: "connecting", lastAt: null, retryAt: null, reason: null };
  let cursor = options.after ?? null;
  /** @param {News} news */
  const receive = (news) => {
    cursor = news.cursor ?? cursor;
    state = news.state;
    if (news.say === "event") options.onEvent?.(news.value);
    else if (news.say === "heartbeat") options.onHeartbeat?.(news.value);
    else if (news.say === "reset") options.onReset?.(news.value);
    options.onState?.(state);
  };
  const link = openLink(options, receive, () => cursor);
  const wake = () => link.send({ say: "wake" });
  const onVisible = () => document.visibilityState === "visible" && wake();
  addEventListener("online", wake);
  document.addEventListener("visibilitychange", onVisible);
  return {
    get cursor() {
      return cursor;
    },
    get state() {
      return state;
    },
    wake,
    restart: () => link.send({ say: "restart" }),
    close() {
      removeEventListener("online", wake);
      document.removeEventListener("visibilitychange", onVisible);
      link.close();
    },
  };
}

/**
 * @param {ShareOptions} options
 * @param {(news: News) => void} receive
 * @param {() => string | null} position
 */
function openLink(options, receive, position) {
  if (options.workerUrl && "SharedWorker" in self) return workerLink(options, receive);
  if ("locks" in navigator && "BroadcastChannel" in self) return leaderLink(options, receive, position);
  const hub = openHub(options, receive);
  return { send: hub.take, close: hub.close };
}

/** @param {ShareOptions} options @param {(news: News) => void} receive */
function workerLink(options, receive) {
  const worker = new SharedWorker(options.workerUrl ?? "", { type: "module", name: "slipway-events" });
  /** @param {any} message */
  const send = (message) => worker.port.postMessage(message);
  worker.port.onmessage = (message) => receive(message.data);
  worker.port.start();
  send({ say: "open", options: { url: options.url, after: options.after, filters: options.filters } });
  const bye = () => send({ say: "bye" });
  // A page that comes back from the browser's cache has missed what was said meanwhile.
  const back = (/** @type {PageTransitionEvent} */ event) => event.persisted && location.reload();
  addEventListener("pagehide", bye);
  addEventListener("pageshow", back);
  return {
    /** @param {Request} request */
    send: (request) => send(request),
    close() {
      bye();
      worker.port.close();
      removeEventListener("pagehide", bye);
      removeEventListener("pageshow", back);
    },
  };
}

/** @param {ShareOptions} options @param {(news: News) => void} receive @param {() => string | null} position */
function leaderLink(options, receive, position) {
  const name = `slipway-events ${options.url ?? ""} ${new URLSearchParams(options.filters)}`;
  const channel = new BroadcastChannel(name);
  const closing = new AbortController();
  /** @type {ReturnType<typeof openHub> | null} */
  let hub = null;
  channel.onmessage = ({ data }) => {
    if ("state" in data) receive(data);
    else hub?.take(data);
  };
  // Whoever gets the lock leads, until its tab closes; the next one goes on where it stopped.
  const lead = () =>
    new Promise((resolve) => {
      hub = openHub({ ...options, after: position() }, (news) => {
        receive(news);
        channel.postMessage(news);
      });
      closing.signal.addEventListener("abort", () => resolve(hub?.close()));
    });
  navigator.locks.request(name, { signal: closing.signal }, lead).catch(() => {});
  channel.postMessage({ say: "hello" });
  return {
    /** @param {Request} request */
    send: (request) => (hub ? hub.take(request) : channel.postMessage(request)),
    close() {
      closing.abort();
      channel.close();
    },
  };
}
