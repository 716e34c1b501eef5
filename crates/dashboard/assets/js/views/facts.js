// All that is known of a deployment, as pairs.

import { ago, short } from "../clock.js";
import { fill, h, icon } from "../dom.js";
import { actorName, duration, providerName, shortSha, size, spoken } from "../format.js";

/** @import { Application, Deployment } from "../../../types/slipway.js" */
/** @typedef {import("../dom.js").Child} Child */

/**
 * A link to elsewhere; only to the web, whatever a platform may say.
 * @param {string | null} url @param {Child} text
 */
export function outside(url, text) {
  if (!url || !/^https?:\/\//i.test(url)) return text;
  return h("a", { class: "link", href: url, target: "_blank", rel: "noopener noreferrer" }, text);
}

/** @param {string} name @param {...Child} value */
export function fact(name, ...value) {
  const isEmpty = value.every((part) => part === null || part === undefined || part === "" || (Array.isArray(part) && part.length === 0));
  return isEmpty ? null : h("div", null, h("dt", null, name), h("dd", null, ...value));
}

/** @param {string | null} time */
const moment = (time) => (time ? [h("span", { title: time }, short(time)), h("span", { class: "sub" }, ago(time, " ago"))] : null);

/** @param {HTMLElement} list @param {Deployment} deployment @param {Application} application */
export function facts(list, deployment, application) {
  const { git, artifact, trigger } = deployment;
  const commit = git.sha ? outside(git.commit_url, h("code", null, shortSha(git.sha))) : null;
  fill(
    list,
    fact("Commit", commit, git.message ? h("span", { class: "sub" }, git.message) : null),
    fact("Ref", git.ref && git.ref !== git.sha ? git.ref : git.branch),
    fact("Compare", git.previous_sha ? outside(git.compare_url, [h("code", null, shortSha(git.previous_sha)), "…", h("code", null, shortSha(git.sha) ?? "")]) : null),
    fact("Started by", actorName(deployment.actor) ?? (trigger.kind === "unknown" ? null : spoken(trigger.kind)), deployment.actor?.email && deployment.actor.name ? h("span", { class: "sub" }, deployment.actor.email) : null),
    fact("Trigger", spoken(trigger.kind), trigger.provider_value && trigger.provider_value !== trigger.kind ? h("span", { class: "sub" }, h("code", null, trigger.provider_value)) : null),
    fact("Kind", deployment.kind),
    fact("Created", moment(deployment.created_at)),
    fact("Waited", deployment.queued_ms === null ? null : duration(deployment.queued_ms)),
    fact("Took", deployment.duration_ms === null ? null : duration(deployment.duration_ms)),
    fact("Ended", moment(deployment.finished_at)),
    fact("Image", artifact?.image, artifact?.image_size_bytes ? h("span", { class: "sub" }, size(artifact.image_size_bytes)) : null, artifact?.base_image ? h("span", { class: "sub" }, `on ${artifact.base_image}`) : null),
    fact("Services", deployment.services.join(", ")),
    fact("Taken over by", deployment.superseded_by_id ? h("a", { class: "link", href: `/deployments/${deployment.superseded_by_id}` }, "a later deployment") : null),
    fact("Went back to", deployment.rollback_of_id ? h("a", { class: "link", href: `/deployments/${deployment.rollback_of_id}` }, "an earlier deployment") : null),
    fact("Rolled back", moment(deployment.rolled_back_at), deployment.rolled_back_by ? h("span", { class: "sub" }, `by ${deployment.rolled_back_by}`) : null),
    fact("Status there", deployment.provider_status ? h("code", null, deployment.provider_status) : null),
    fact("Seen", `by ${deployment.observed_via}`, h("span", { class: "sub" }, ago(deployment.observed_at, " ago"))),
    fact("Platform", outside(deployment.provider_url, [providerName(deployment.provider), " ", deployment.provider_url ? iconOut() : null]), h("span", { class: "sub" }, deployment.account)),
    fact("Id there", deployment.provider_deployment_id ? h("code", null, deployment.provider_deployment_id) : null),
    fact("Application", h("a", { class: "link", href: `/applications/${application.id}` }, application.name)),
  );
}

function iconOut() {
  const drawing = icon("out");
  drawing.setAttribute("class", "icon inline");
  return drawing;
}
