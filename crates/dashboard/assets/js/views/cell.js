// One cell of the board: an application in an environment.

import { usualDuration } from "../applications.js";
import { ago, elapsed, progress } from "../clock.js";
import { h, icon } from "../dom.js";
import { actorName, duration, shortSha, spoken } from "../format.js";
import { runningSince, stateWord, statusWord } from "../status.js";

/** @import { BoardItem, Deployment } from "../../../types/slipway.js" */

/** Changes whenever the cell has to be drawn again. @param {BoardItem | undefined} item */
export function cellSign(item) {
  if (!item) return "-";
  const part = (/** @type {Deployment | null} */ deployment) => (deployment ? `${deployment.id}:${deployment.version}` : "");
  return `${item.application.id} ${part(item.last_deployment)} ${part(item.live_deployment)}`;
}

/** @type {Map<string, string>} */
const lastSign = new Map();

/** @param {BoardItem | undefined} item @param {string} name @param {string} environment */
export function cell(item, name, environment) {
  if (!item) return null;
  const { application, last_deployment: last, live_deployment: running } = item;
  if (!last) {
    return h("a", { class: "cell empty-cell", href: `/applications/${application.id}`, "data-step": true }, "No deployment");
  }
  const sign = cellSign(item);
  const hasChanged = lastSign.has(application.id) && lastSign.get(application.id) !== sign;
  lastSign.set(application.id, sign);
  const word = stateWord(last);
  const link = h("a", {
    class: `cell${hasChanged ? " changed" : ""}`,
    href: `/deployments/${last.id}`,
    "data-status": last.status,
    "data-account": application.account,
    "data-step": true,
    "aria-label": `${name}, ${environment}: ${word}${last.failure_reason ? `, ${spoken(last.failure_reason)}` : ""}`,
  });
  link.append(
    h(
      "span",
      { class: "cell-top" },
      h("span", { class: "status", "data-status": last.status }, icon(last.status), word),
      last.is_finished ? ago(last.finished_at ?? last.created_at) : elapsed(runningSince(last)),
    ),
    h("span", { class: "cell-line" }, revision(last), who(last)),
  );
  if (last.is_live) link.lastElementChild?.append(h("span", { class: "tag live" }, "live"));
  else if (running) link.append(liveLine(running));
  if (!last.is_finished) void showUsual(link, last);
  return link;
}

/** @param {Deployment} deployment */
function revision({ git }) {
  const sha = shortSha(git.sha);
  if (sha) return h("span", { class: "mono" }, sha);
  return h("span", null, git.ref ?? git.branch ?? "no revision");
}

/** @param {Deployment} deployment */
function who({ actor, status, failure_reason, trigger }) {
  if (failure_reason && status !== "canceled") return h("span", null, spoken(failure_reason));
  return h("span", null, actorName(actor) ?? (trigger.kind === "unknown" ? "" : `by ${spoken(trigger.kind)}`));
}

/** What runs, where that is not what happened last. @param {Deployment} running */
function liveLine(running) {
  const sha = shortSha(running.git.sha) ?? running.git.ref ?? statusWord(running.status).toLowerCase();
  return h("span", { class: "cell-line" }, h("span", { class: "tag live" }, "live"), h("span", { class: "mono" }, sha), ago(running.finished_at ?? running.created_at));
}

/** How far it may be, by what is usual for the application, and it says so. @param {HTMLElement} link @param {Deployment} deployment */
async function showUsual(link, deployment) {
  const usual = await usualDuration(deployment.application_id);
  const bar = deployment.status === "in_progress" ? progress(runningSince(deployment), usual) : null;
  if (!bar || !usual) return;
  bar.title = `Usually takes ${duration(usual)}`;
  link.append(bar, h("span", { class: "cell-line" }, h("span", null, `usually ${duration(usual)}`)));
}
