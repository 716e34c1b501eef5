// One row of a list of deployments.

import { usualDuration } from "../applications.js";
import { ago, elapsed, now, progress } from "../clock.js";
import { h } from "../dom.js";
import { actorName, duration, providerName, shortSha, spoken } from "../format.js";
import { runningSince, stateWord, statusMark } from "../status.js";

/** @import { Application, Deployment } from "../../../types/slipway.js" */

/** @param {Deployment} deployment @param {Application | undefined} application */
export const rowSign = (deployment, application) => `${deployment.version} ${application?.version ?? ""}`;

/** @param {Deployment} deployment @param {Application | undefined} application @param {boolean} isOfOne */
export function row(deployment, application, isOfOne) {
  const place = [deployment.environment, providerName(deployment.provider)].filter(Boolean).join(" · ");
  const took = h("span", { class: "took", "data-status": deployment.status });
  if (deployment.is_finished) took.append(duration(deployment.duration_ms));
  else {
    took.append(elapsed(runningSince(deployment)));
    void usualDuration(deployment.application_id).then((usual) => {
      if (deployment.status === "in_progress") took.append(progress(runningSince(deployment), usual) ?? "");
    });
  }
  return h(
    "a",
    { class: "row", href: `/deployments/${deployment.id}`, "data-step": true, "data-id": deployment.id, "data-account": deployment.account },
    h("span", { class: "state" }, statusMark(deployment.status, stateWord(deployment))),
    h(
      "span",
      { class: "title" },
      h("span", { class: "name" }, isOfOne ? (shortSha(deployment.git.sha) ?? deployment.git.ref ?? deployment.kind ?? "Deployment") : (application?.name ?? "An application")),
      deployment.is_live ? [" ", h("span", { class: "tag live" }, "live")] : null,
      h("span", { class: "below" }, isOfOne ? (deployment.git.ref ?? deployment.kind ?? "") : place),
    ),
    what(deployment, isOfOne),
    h("span", { class: "who" }, actorName(deployment.actor) ?? (deployment.trigger.kind === "unknown" ? "" : `by ${spoken(deployment.trigger.kind)}`)),
    took,
    h("span", { class: "age" }, ago(deployment.created_at)),
  );
}

/** @param {Deployment} deployment @param {boolean} isOfOne */
function what({ git, status, failure_reason, failure_message, kind }, isOfOne) {
  const sha = shortSha(git.sha);
  const ref = git.ref && git.ref !== git.sha ? git.ref : git.branch;
  const first = isOfOne ? [] : [sha ? h("span", { class: "mono" }, sha) : null, sha && ref ? " on " : null, ref ?? (sha ? null : (kind ?? "no revision"))];
  const message = status === "canceled" ? null : failure_reason || failure_message;
  return h(
    "span",
    { class: "what" },
    first,
    git.message ? ` · ${git.message.split("\n")[0]}` : null,
    message ? h("span", { class: "below failure" }, failure_reason ? spoken(failure_reason) : failure_message) : null,
  );
}

/** The day of a time, for people. @param {string} time */
export function dayOf(time) {
  const day = new Date(time);
  const today = new Date(now());
  if (day.toDateString() === today.toDateString()) return "Today";
  today.setDate(today.getDate() - 1);
  if (day.toDateString() === today.toDateString()) return "Yesterday";
  return day.toLocaleDateString(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
}
