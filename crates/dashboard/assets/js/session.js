// Who is signed in.

import { ProblemError, read, request } from "./api.js";

/** @import { Whoami } from "../../types/slipway.js" */

/** @type {Whoami | null} */
let known = null;

/** Who the gateway takes us for; null for nobody. */
export async function whoami() {
  try {
    known = await read("/whoami");
  } catch (error) {
    if (!(error instanceof ProblemError && error.status === 401)) throw error;
    known = null;
  }
  return known;
}

/** Whether the present session allows something. @param {string} scope */
export const may = (scope) => Boolean(known && (known.scopes.includes(scope) || known.scopes.includes("admin")));

/** Whether everybody is let in, so that there is nothing to sign out of. */
export const isOpen = () => known?.principal === "open";

/** @param {Record<string, string>} proof */
export async function signIn(proof) {
  await request("POST", "/session", { body: proof });
  return whoami();
}

export async function signOut() {
  await request("DELETE", "/session");
  known = null;
}
