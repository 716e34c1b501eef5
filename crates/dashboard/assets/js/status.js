// Statuses: each has a shape, a word and a colour, so that none of them has to say it alone.

import { h, icon } from "./dom.js";
import { spoken } from "./format.js";

/** @import { Deployment } from "../../types/slipway.js" */

const WORDS = /** @type {Record<string, string>} */ ({
  queued: "Queued",
  in_progress: "Running",
  succeeded: "Succeeded",
  failed: "Failed",
  canceled: "Canceled",
  unknown: "Unknown",
});
const PHASES = /** @type {Record<string, string>} */ ({
  queued: "Queued",
  build: "Building",
  push: "Pushing",
  start: "Starting",
  hook: "Running hooks",
});

export const STATUSES = Object.keys(WORDS);

/** @param {string} status */
export const statusWord = (status) => WORDS[status] ?? spoken(status);

/** @param {string} phase */
export const phaseWord = (phase) => PHASES[phase] ?? spoken(phase);

/** What a deployment is at, in a word. @param {Deployment} deployment */
export function stateWord({ status, phase }) {
  return status === "in_progress" && phase ? phaseWord(phase) : statusWord(status);
}

/** @param {string} status @param {string} [word] @param {string} [more] */
export function statusMark(status, word = statusWord(status), more = "") {
  const known = status in WORDS ? status : "unknown";
  return h("span", { class: `status ${more}`, "data-status": known }, icon(known), word);
}

/** Since when it runs or waits. @param {Deployment} deployment */
export const runningSince = (deployment) => deployment.started_at ?? deployment.queued_at ?? deployment.created_at;
