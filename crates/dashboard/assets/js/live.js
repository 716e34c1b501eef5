// What the stream says to this page. One stream serves all tabs; views follow it with `follow`.

import { shareEvents, SILENCE_MS } from "../slipway-events.js";
import { learn } from "./clock.js";

/** @import { Event as LogEvent, AccountFreshness } from "../../types/slipway.js" */
/** @typedef {import("../slipway-events.js").State} State */

/** @type {import("../slipway-events.js").Follower | null} */
let follower = null;
/** @type {Set<(event: LogEvent) => void>} */
const eventListeners = new Set();
/** @type {Set<() => void>} */
const stateListeners = new Set();
/** @type {Set<() => void>} */
const resetListeners = new Set();
/** @type {Set<(freshness: AccountFreshness[]) => void>} */
const freshnessListeners = new Set();

export function start() {
  follower = shareEvents({
    workerUrl: "/assets/slipway-events-worker.js",
    onEvent: (event) => eventListeners.forEach((listener) => listener(/** @type {any} */ (event))),
    onHeartbeat(heartbeat) {
      learn(heartbeat.recorded_at);
      freshnessListeners.forEach((listener) => listener(heartbeat.freshness));
    },
    onReset: () => resetListeners.forEach((listener) => listener()),
    onState: () => stateListeners.forEach((listener) => listener()),
  });
}

/** @returns {State} */
export const state = () => follower?.state ?? { phase: "connecting", lastAt: null, retryAt: null, reason: null };

/** Whether what is shown moves with what happens. */
export function isLive() {
  const { phase, lastAt } = state();
  return (phase === "live" || phase === "polling") && Date.now() - (lastAt ?? 0) < SILENCE_MS;
}

export const restart = () => follower?.restart();
export const wake = () => follower?.wake();

/** @param {() => void} listener */
export const onState = (listener) => listen(stateListeners, listener);
/** @param {(freshness: AccountFreshness[]) => void} listener */
export const onFreshness = (listener) => listen(freshnessListeners, listener);
/** @param {(event: LogEvent) => void} listener */
export const onEvent = (listener) => listen(eventListeners, listener);

/** @template L @param {Set<L>} listeners @param {L} listener */
function listen(listeners, listener) {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** How long a page waits for the stream before it reads without it. */
const PATIENCE_MS = 1500;

/** The position from which on events come, once it is known. @returns {Promise<string | null>} */
function position() {
  if (follower?.cursor && isLive()) return Promise.resolve(follower.cursor);
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      stop();
      resolve(isLive() ? (follower?.cursor ?? null) : null);
    };
    const timer = setTimeout(finish, PATIENCE_MS);
    const stop = onState(() => {
      if ((follower?.cursor && isLive()) || state().phase === "refused") finish();
    });
  });
}

/**
 * Reads a list and keeps it true. Events are kept back until it is read; it is read again after a reset, and when the stream
 * begins only after it was read: nothing falls in between. Applying an event twice must do no harm.
 * @param {{ read(minCursor: string | null): Promise<void>, apply(event: LogEvent): void, signal: AbortSignal }} view
 */
export async function follow({ read, apply, signal }) {
  /** @type {LogEvent[] | null} */
  let held = [];
  const stops = [
    onEvent((event) => (held ? held.push(event) : apply(event))),
    listen(resetListeners, () => void load()),
  ];
  signal.addEventListener("abort", () => stops.forEach((stop) => stop()));
  let hasPosition = false;
  const load = async () => {
    held ??= [];
    const from = await position();
    hasPosition = from !== null;
    try {
      await read(from);
    } finally {
      const events = held ?? [];
      held = null;
      if (!signal.aborted) events.forEach(apply);
    }
  };
  stops.push(
    onState(() => {
      if (hasPosition || held || !isLive() || !follower?.cursor) return;
      void load().catch(() => {});
    }),
  );
  await load();
}
