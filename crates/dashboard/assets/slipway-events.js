// The event log of a Slipway gateway in a browser: one stream that resumes where it was, and one stream for all tabs.
//
//   import { followEvents, shareEvents } from "https://slipway.example.com/slipway-events.js";
//   const events = shareEvents({ after: board.event_cursor, onEvent: (event) => draw(event) });
//
// `followEvents` holds one stream; `shareEvents` has one for all tabs of an origin. Both come back with a growing, random
// pause after any end, ask the JSON twin where server-sent events do not get through, and stop at a refused token instead
// of asking again and again. No dependencies. docs/EVENTS-IN-THE-BROWSER.md in the repository tells the rest.

/**
 * @typedef {{ id: string | null, type: string, cursor: string | null, recorded_at: string, deployment: any,
 *   application_id: string | null, deployment_id: string | null, freshness: any[], reason: string | null,
 *   [field: string]: any }} LogEvent
 * @typedef {"connecting" | "live" | "polling" | "waiting" | "refused" | "closed"} Phase
 *   live: server-sent events flow. polling: the JSON twin is asked. waiting: not connected, tries again at `retryAt`.
 *   refused: the token is not valid; nothing is asked until `restart`.
 * @typedef {{ phase: Phase, lastAt: number | null, retryAt: number | null, reason: string | null }} State
 *   `lastAt` is when anything last came, in milliseconds of this machine's clock: what is older than `SILENCE_MS` is not live.
 * @typedef {Object} FollowOptions
 * @property {string} [url] Where the API lies; this origin's `/api/v1` if left out.
 * @property {() => (Record<string, string> | Promise<Record<string, string>>)} [headers] For a token, on other origins.
 * @property {string | null} [after] Begin after this position; from now on if left out.
 * @property {Record<string, string>} [filters] As the stream takes them: `provider`, `application`, `status`, …
 * @property {(event: LogEvent) => void} [onEvent] Every event once, in the order of the log.
 * @property {(heartbeat: LogEvent) => void} [onHeartbeat] With the freshness of each account.
 * @property {(reset: { reason: string }) => void} [onReset] Events may be missing: read your lists again.
 * @property {(state: State) => void} [onState]
 * @typedef {{ close(): void, wake(): void, restart(after?: string | null): void, readonly cursor: string | null,
 *   readonly state: State }} Follower
 */

/** A gateway speaks every 15 seconds. After this much silence it is not there any more. */
export const SILENCE_MS = 40_000;
/** A stream's first bytes come at once. What holds them back this long holds back the rest, too. */
const FIRST_BYTES_MS = 8_000;
const PAUSE_MS = { first: 500, longest: 20_000 };
/** While the twin serves, a stream is tried again after this, and after twice as long each time. */
const RETRY_STREAM_MS = { first: 60_000, longest: 600_000 };
const TWIN_WAIT_SECONDS = 25;

/**
 * One stream.
 * @param {FollowOptions} options
 * @returns {Follower}
 */
export function followEvents(options) {
  const base = (options.url ?? "/api/v1").replace(/\/$/, "");
  /** @type {State} */
  let state = { phase: "connecting", lastAt: null, retryAt: null, reason: null };
  let cursor = options.after ?? null;
  let failures = 0;
  let round = 0;
  let controller = new AbortController();
  /** @type {() => void} */
  let stopWaiting = () => {};
  let streamPause = RETRY_STREAM_MS.first;

  /** @param {Partial<State>} change */
  const become = (change) => {
    state = { ...state, retryAt: null, reason: null, ...change };
    options.onState?.(state);
  };
  const heard = () => {
    state = { ...state, lastAt: Date.now() };
  };

  /** @param {LogEvent} event */
  const take = (event) => {
    if (event.cursor) cursor = event.cursor;
    if (event.type === "heartbeat") {
      options.onHeartbeat?.(event);
      options.onState?.(state);
    } else if (event.type === "reset") {
      options.onReset?.({ reason: event.reason ?? "unknown" });
    } else if (event.id) {
      cursor = event.id;
      options.onEvent?.(event);
    }
  };

  /** @param {string} path @param {Record<string, string>} extra */
  const ask = async (path, extra) => {
    const query = new URLSearchParams({ ...options.filters, ...extra });
    if (cursor) query.set("after", cursor);
    const headers = { ...(await options.headers?.()) };
    return fetch(`${base}${path}?${query}`, { headers, signal: controller.signal, cache: "no-store", credentials: "same-origin" });
  };

  /** What an answer that is not good means. @param {Response} answer */
  const refusal = async (answer) => {
    const problem = await answer.json().catch(() => ({}));
    if (answer.status === 401 || answer.status === 403) return { end: "refused", reason: problem.code ?? String(answer.status) };
    if (answer.status === 410 || problem.code === "invalid_cursor") {
      cursor = null;
      options.onReset?.({ reason: problem.code });
      return { end: "again" };
    }
    return { end: "failed", pause: 1000 * Number(answer.headers.get("retry-after") ?? 0) };
  };

  /** Reads a stream to its end. @returns {Promise<{ end: string, reason?: string, pause?: number }>} */
  const stream = async () => {
    const watchdog = new Watchdog(() => controller.abort());
    let said = { end: "again", pause: 0 };
    let hasSpoken = false;
    try {
      watchdog.within(FIRST_BYTES_MS);
      const answer = await ask("/events/stream", {});
      if (!answer.ok) return await refusal(answer);
      if (!answer.body || !/event-stream/.test(answer.headers.get("content-type") ?? "")) return { end: "blocked" };
      await readEventStream(answer.body, {
        onBytes() {
          watchdog.within(SILENCE_MS);
          heard();
          if (hasSpoken) return;
          hasSpoken = true;
          failures = 0;
          streamPause = RETRY_STREAM_MS.first;
          become({ phase: "live" });
        },
        onRetry: (milliseconds) => (said = { ...said, pause: milliseconds }),
        onBlock(block) {
          const isFirst = cursor === null;
          if (block.data) take(JSON.parse(block.data));
          else if (block.id) cursor = block.id;
          if (isFirst && cursor) options.onState?.(state);
        },
      });
      return said;
    } catch {
      return { end: hasSpoken ? "again" : "failed" };
    } finally {
      watchdog.stop();
    }
  };

  /** Asks the twin until a stream should be tried again. @returns {Promise<{ end: string, reason?: string, pause?: number }>} */
  const twin = async () => {
    const until = Date.now() + streamPause;
    const watchdog = new Watchdog(() => controller.abort());
    try {
      for (let wait = 0; ; wait = TWIN_WAIT_SECONDS) {
        watchdog.within(SILENCE_MS);
        const answer = await ask("/events", { wait: String(wait), limit: "200" });
        if (!answer.ok) return await refusal(answer);
        const page = await answer.json();
        heard();
        failures = 0;
        if (state.phase !== "polling") become({ phase: "polling" });
        else options.onState?.(state);
        page.items.forEach(take);
        cursor = page.next_cursor;
        if (Date.now() > until) {
          streamPause = Math.min(streamPause * 2, RETRY_STREAM_MS.longest);
          return { end: "again" };
        }
      }
    } catch {
      return { end: "failed" };
    } finally {
      watchdog.stop();
    }
  };

  /** @param {number} milliseconds */
  const wait = (milliseconds) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      stopWaiting = () => {
        clearTimeout(timer);
        resolve(undefined);
      };
    });

  const run = async () => {
    const mine = ++round;
    while (mine === round) {
      controller = new AbortController();
      let result = await stream();
      if (mine !== round) return;
      if (result.end === "failed" || result.end === "blocked") {
        controller = new AbortController();
        result = await twin();
        if (mine !== round) return;
      }
      if (result.end === "refused") return become({ phase: "refused", reason: result.reason });
      let pause = result.pause ?? 0;
      if (result.end === "failed") {
        pause = Math.max(pause, Math.min(PAUSE_MS.first * 2 ** failures, PAUSE_MS.longest) * (0.5 + Math.random()));
        failures += 1;
      }
      if (pause > 0) {
        become({ phase: "waiting", retryAt: Date.now() + pause });
        await wait(pause);
      }
    }
  };

  // A machine that slept finds its timers late: then nobody knows whether the connection is still one.
  let lastTick = Date.now();
  const sleepWatch = setInterval(() => {
    if (Date.now() - lastTick > 30_000) follower.wake();
    lastTick = Date.now();
  }, 5_000);

  const follower = {
    get cursor() {
      return cursor;
    },
    get state() {
      return state;
    },
    /** The machine or the network is back: what has been silent is given up, and nobody waits any longer. */
    wake() {
      if (state.phase === "waiting") stopWaiting();
      else if (state.phase !== "refused" && Date.now() - (state.lastAt ?? 0) > SILENCE_MS / 2) controller.abort();
    },
    /** Begins anew: after signing in, or from another position. @param {string | null} [after] */
    restart(after) {
      if (after !== undefined) cursor = after;
      round += 1;
      controller.abort();
      stopWaiting();
      failures = 0;
      become({ phase: "connecting" });
      void run();
    },
    close() {
      round += 1;
      clearInterval(sleepWatch);
      controller.abort();
      stopWaiting();
      become({ phase: "closed" });
    },
  };
  void run();
  return follower;
}

/** Calls somebody when nothing happened in time. */
class Watchdog {
  /** @param {() => void} bark */
  constructor(bark) {
    this.bark = bark;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }
  /** @param {number} milliseconds */
  within(milliseconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.bark, milliseconds);
  }
  stop() {
    clearTimeout(this.timer);
  }
}

/**
 * Reads server-sent events off a body.
 * @param {ReadableStream<Uint8Array>} body
 * @param {{ onBlock(block: { id: string, event: string, data: string }): void, onBytes?(): void,
 *   onRetry?(milliseconds: number): void }} listener
 */
export async function readEventStream(body, listener) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  let block = { id: "", event: "", data: "" };
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    listener.onBytes?.();
    const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const whole of lines) {
      const line = whole.endsWith("\r") ? whole.slice(0, -1) : whole;
      if (line === "") {
        if (block.data || block.id || block.event) listener.onBlock(block);
        block = { id: "", event: "", data: "" };
        continue;
      }
      const colon = line.indexOf(":");
      const [name, text] = colon < 0 ? [line, ""] : [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, "")];
      if (name === "data") block.data += (block.data ? "\n" : "") + text;
      else if (name === "id") block.id = text;
      else if (name === "event") block.event = text;
      else if (name === "retry" && /^\d+$/.test(text)) listener.onRetry?.(Number(text));
    }
  }
}

export { shareEvents } from "./slipway-events-shared.js";
