// Before anything is done: what exactly would be sent to the platform. After it: where it can be watched.

import { change, newKey, ProblemError } from "../api.js";
import { fill, h, pop } from "../dom.js";
import { providerName } from "../format.js";
import { go } from "../router.js";
import { actionWord } from "./bar.js";

/** @import { Application, Deployment } from "../../../types/slipway.js" */

/** Fields of a trigger. What the platform has configured may stay empty. @param {Application} application */
const fields = ({ git_branch }) => [
  { name: "git_ref", label: "Branch, tag or commit", hint: git_branch ?? "needed", required: !git_branch },
  { name: "services", label: "Only these services, separated by commas", hint: "all", required: false },
];
/** How long the preview waits for the end of a word. */
const TYPING_MS = 300;

/** @param {{ application: Application, deployment?: Deployment }} subject @param {string} action */
export function confirmAction(subject, action) {
  const { application, deployment } = subject;
  // One key for this dialog: a second click, or a retry after a lost answer, is the same request.
  const key = newKey();
  const effect = h("div", { class: "body", "aria-live": "polite" });
  const result = h("div", { class: "body" });
  const confirm = h("button", { class: `button ${action === "cancel" ? "danger" : "primary"}`, type: "submit", "aria-busy": "true" }, actionWord(action));
  const inputs = action === "trigger" ? fields(application).map(field) : [];
  const form = h("form", { method: "dialog" }, inputs.map(({ element }) => element));
  const dialog = h("dialog", { "aria-labelledby": "action-title" });
  const place = application.environment ? `, ${application.environment}` : "";
  fill(
    dialog,
    h("h2", { id: "action-title" }, `${actionWord(action)}: ${application.name}`),
    h("p", { class: "lead" }, `${providerName(application.provider)}, account ${application.account}${place}`),
    form,
    effect,
    result,
    h("div", { class: "buttons" }, h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Leave it"), confirm),
  );
  const body = () => (action === "trigger" ? Object.fromEntries(inputs.flatMap(({ value }) => value())) : {});
  const subjectIds = deployment ? { deployment_id: deployment.id } : { application_id: application.id };

  let latest = 0;
  async function preview() {
    const asked = (latest += 1);
    if (!form.checkValidity()) {
      confirm.setAttribute("aria-busy", "true");
      return fill(effect);
    }
    try {
      const shown = await change("/previews", { action, ...subjectIds, ...body() });
      if (asked !== latest) return;
      confirm.removeAttribute("aria-busy");
      fill(
        effect,
        h("p", { class: "sub" }, "This is what is sent, once:"),
        h("div", { class: "effect" }, h("code", null, `${shown.method} ${shown.url}${shown.body ? `\n\n${JSON.stringify(shown.body, null, 2)}` : ""}`)),
        shown.warnings.map((/** @type {any} */ warning) => h("p", { class: "warning" }, typeof warning === "string" ? warning : (warning.message ?? ""))),
      );
    } catch (error) {
      if (asked !== latest) return;
      confirm.setAttribute("aria-busy", "true");
      fill(effect, refusal(error));
    }
  }

  async function submit() {
    if (confirm.getAttribute("aria-busy")) return;
    confirm.setAttribute("aria-busy", "true");
    try {
      const path = deployment ? `/deployments/${deployment.id}/${action}` : `/applications/${application.id}/deployments`;
      const made = await change(path, body(), key);
      dialog.close();
      if (made.id && made.id !== deployment?.id) go(`/deployments/${made.id}`);
      else pop(action === "cancel" ? "The platform was asked to cancel it." : "The platform has accepted it.");
    } catch (error) {
      fill(result, refusal(error));
      confirm.removeAttribute("aria-busy");
    }
  }

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(preview, TYPING_MS);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void submit();
  });
  confirm.addEventListener("click", (event) => {
    event.preventDefault();
    void submit();
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  void preview();
}

/** @param {{ name: string, label: string, hint: string, required: boolean }} field */
function field({ name, label, hint, required }) {
  const input = h("input", { class: "input", name, placeholder: hint, required, autocomplete: "off", spellcheck: "false" });
  return {
    element: h("label", null, label, input),
    /** @returns {[string, string | string[]][]} */
    value() {
      const text = input.value.trim();
      if (!text) return [];
      return [[name, name === "services" ? text.split(",").map((part) => part.trim()).filter(Boolean) : text]];
    },
  };
}

/** @param {unknown} error */
function refusal(error) {
  const more = error instanceof ProblemError ? error.errors.map(({ field, message }) => h("div", null, h("code", null, field), `: ${message}`)) : [];
  return h("div", { class: "refusal", role: "alert" }, error instanceof Error ? error.message : String(error), more);
}
