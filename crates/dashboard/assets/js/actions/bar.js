// What can be done: allowed actions as buttons, the others greyed with the reason.

import { h } from "../dom.js";
import { capital } from "../format.js";
import * as session from "../session.js";
import { confirmAction } from "./dialog.js";

/** @import { Application, BlockedAction, Deployment } from "../../../types/slipway.js" */

const WORDS = /** @type {Record<string, string>} */ ({
  trigger: "Deploy",
  redeploy: "Redeploy",
  cancel: "Cancel",
  rollback: "Roll back to this",
});

/** @param {string} action */
export const actionWord = (action) => WORDS[action] ?? capital(action);

/** @param {{ application: Application, deployment?: Deployment }} subject */
export function actionBar(subject) {
  const { allowed_actions, blocked_actions } = subject.deployment ?? subject.application;
  const mayWrite = session.may("deployments:write");
  const refusal = "Your token may only look: this needs the scope deployments:write.";
  const buttons = [
    ...allowed_actions.map((action) => (mayWrite ? button(subject, action) : greyed({ action, code: "", reason: refusal }))),
    ...blocked_actions.map(greyed),
  ];
  return h("div", { class: "actions" }, buttons);
}

/** @param {{ application: Application, deployment?: Deployment }} subject @param {string} action */
function button(subject, action) {
  return h(
    "button",
    { class: `button${action === "trigger" ? " primary" : ""}`, type: "button", "data-action": action, onclick: () => confirmAction(subject, action) },
    actionWord(action),
  );
}

/** Stays in reach of the keyboard, so that the reason is, too. @param {BlockedAction} blocked */
function greyed({ action, reason }) {
  return h("button", { class: "button", type: "button", "aria-disabled": "true", "data-action": action, title: reason, "aria-label": `${actionWord(action)}: not possible. ${reason}` }, actionWord(action));
}
