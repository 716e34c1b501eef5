// Signing in: a token for a session, whose cookie no script can read.

import { fill, h } from "../dom.js";
import * as session from "../session.js";

/** @param {import("../router.js").Page} page */
export function view({ root, title }) {
  title("Sign in");
  const input = h("input", {
    class: "input",
    id: "token",
    type: "password",
    autocomplete: "current-password",
    required: true,
    spellcheck: "false",
    "aria-describedby": "sign-in-error",
  });
  const error = h("p", { class: "refusal", id: "sign-in-error", role: "alert", hidden: true });
  const button = h("button", { class: "button primary", type: "submit" }, "Sign in");
  // For programs that keep passwords: they want to know whose it is.
  const user = h("input", { type: "text", name: "username", autocomplete: "username", value: "token", hidden: true });
  const form = h("form", null, user, h("label", { for: "token" }, "Token"), input, error, button);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.setAttribute("aria-busy", "true");
    error.hidden = true;
    try {
      await session.signIn({ token: input.value });
      // A page that was open when the session ended is shown again; everything begins anew.
      if (location.pathname === "/sign-in") location.assign("/");
      else location.reload();
    } catch (problem) {
      error.textContent = problem instanceof Error ? problem.message : String(problem);
      error.hidden = false;
      input.select();
    } finally {
      button.removeAttribute("aria-busy");
    }
  });
  fill(
    root,
    h(
      "section",
      { class: "card sign-in" },
      h("h1", null, "Sign in"),
      h("p", { class: "sub" }, "What runs where, and what happens to it now."),
      form,
      h("p", { class: "hint" }, "Whoever runs the gateway makes tokens with ", h("code", null, "slipway token create"), "."),
    ),
  );
  input.focus();
}
