// The applications that a page needs the names of.

import { read, readAll } from "./api.js";

/** @import { Application } from "../../types/slipway.js" */

/** @type {Map<string, Application>} */
const known = new Map();
/** @type {Promise<void> | null} */
let all = null;
/** @type {Map<string, { found: Promise<number | null>, until: number }>} */
const usual = new Map();
/** A page stays open for days: then what was usual is not any more. */
const USUAL_FOR_MS = 600_000;

/** Reads all of them, once. */
export function readApplications() {
  all ??= readAll("/applications", {}).then(
    ({ items }) => items.forEach(learn),
    (error) => {
      all = null;
      throw error;
    },
  );
  return all;
}

/** @param {Application} application */
export const learn = (application) => void known.set(application.id, application);

/** @param {string} id */
export const application = (id) => known.get(id);

export const applications = () => [...known.values()];

/** One that may be new. @param {string} id @returns {Promise<Application>} */
export async function findApplication(id) {
  const found = known.get(id);
  if (found) return found;
  const fresh = await read(`/applications/${encodeURIComponent(id)}`);
  learn(fresh);
  return fresh;
}

/** The name in which rows of a board meet: without the environment that some platforms put into it. @param {Application} application */
export function family({ name, environment }) {
  return environment && name.endsWith(`-${environment}`) ? name.slice(0, -environment.length - 1) : name;
}

/**
 * How long a deployment of this application usually takes: the median of its last ten that succeeded.
 * @param {string} id
 * @returns {Promise<number | null>}
 */
export function usualDuration(id) {
  const at = performance.now();
  let entry = usual.get(id);
  if (!entry || entry.until < at) {
    const path = `/applications/${encodeURIComponent(id)}/deployments`;
    const found = read(path, { status: "succeeded", limit: 10 }).then(
      ({ items }) => {
        const durations = items.map((/** @type {any} */ item) => item.duration_ms).filter((/** @type {any} */ ms) => ms > 0);
        durations.sort((/** @type {number} */ a, /** @type {number} */ b) => a - b);
        return durations.length > 1 ? durations[Math.floor(durations.length / 2)] : null;
      },
      () => null,
    );
    entry = { found, until: at + USUAL_FOR_MS };
    usual.set(id, entry);
  }
  return entry.found;
}
