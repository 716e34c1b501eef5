// Where the lines of a log come from: the stored text at once, or a stream that goes on until its end.

import { request, UnreachableError } from "../api.js";
import { readEventStream } from "../../slipway-events.js";

/**
 * @typedef {Object} Reader
 * @property {(lines: string[], first: number) => void} onLines Lines, and the number of the first of them.
 * @property {() => void} onReset What was shown is not the log any more: it comes again from its beginning.
 * @property {(why: string, reason?: string | null) => void} onEnd
 * @property {(isConnected: boolean, message: string) => void} onState
 */

const PAUSE_MS = { first: 1000, longest: 15_000 };

/** Reads the whole text. @param {string} id @param {Reader} reader @param {AbortSignal} signal */
export async function readLog(id, reader, signal) {
  const text = await (await request("GET", `/deployments/${id}/logs`, { signal })).text();
  if (signal.aborted) return;
  reader.onReset();
  reader.onLines(text === "" ? [] : text.replace(/\n$/, "").split("\n"), 1);
}

/** Follows the log to its end, over any number of connections. @param {string} id @param {Reader} reader @param {AbortSignal} signal */
export async function followLog(id, reader, signal) {
  let last = "";
  let failures = 0;
  while (!signal.aborted) {
    let hasEnded = false;
    try {
      const headers = last ? { "Last-Event-ID": last } : undefined;
      const answer = await request("GET", `/deployments/${id}/logs/stream`, { headers, signal });
      failures = 0;
      reader.onState(true, "");
      if (answer.body) {
        await readEventStream(answer.body, {
          onBlock({ id, event, data }) {
            const { line, text, reason } = data ? JSON.parse(data) : {};
            if (event === "reset") {
              last = "";
              reader.onReset();
            } else if (event === "end" || event === "auth_expired") {
              hasEnded = true;
              reader.onEnd(event, reason);
            } else if (event === "line") reader.onLines([text], line);
            // Also a block without data has a position: where to go on.
            if (id) last = id;
          },
        });
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof UnreachableError || error instanceof TypeError)) {
        reader.onState(false, error instanceof Error ? error.message : "");
        if (failures > 3) return;
      }
    }
    if (hasEnded) return;
    reader.onState(false, "");
    failures += 1;
    const pause = Math.min(PAUSE_MS.first * 2 ** Math.min(failures - 1, 6), PAUSE_MS.longest) * (0.5 + Math.random());
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
