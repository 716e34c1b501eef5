// The start of every page: who asks, which view, what the stream says.

import { onRefused } from "./api.js";
import { fill, h } from "./dom.js";
import * as freshness from "./freshness.js";
import * as keyboard from "./keyboard.js";
import * as live from "./live.js";
import * as router from "./router.js";
import * as session from "./session.js";
import * as theme from "./theme.js";

const sign = /** @type {HTMLButtonElement} */ (document.getElementById("sign"));

theme.start();
keyboard.start();
freshness.start();
onRefused(() => router.askToSignIn());
live.onState(() => {
  if (live.state().phase === "refused") router.askToSignIn();
});
sign.addEventListener("click", async () => {
  await session.signOut().catch(() => {});
  location.assign("/sign-in");
});
void begin();

async function begin() {
  try {
    // A code for a screen on a wall. It is in the fragment, which no server and no log sees.
    const code = new URLSearchParams(location.hash.slice(1)).get("code");
    if (code) {
      history.replaceState(history.state, "", location.pathname + location.search);
      // One that was used before does no harm where its session still is.
      await session.signIn({ code }).catch(() => {});
    }
    const who = await session.whoami();
    showWho();
    if (!who) return router.askToSignIn();
    live.start();
    router.start();
  } catch {
    showUnreachable();
  }
}

/** Whom the page shows things as. */
export function showWho() {
  sign.hidden = session.isOpen() || !session.may("deployments:read");
  sign.textContent = "Sign out";
}

/** The gateway was not there when the page opened: it is asked again, ever more slowly. */
function showUnreachable(pause = 1000) {
  const main = /** @type {HTMLElement} */ (document.getElementById("main"));
  fill(main, h("div", { class: "empty" }, h("strong", null, "The gateway does not answer"), "It is asked again by itself."));
  setTimeout(async () => {
    try {
      await session.whoami();
      location.reload();
    } catch {
      showUnreachable(Math.min(pause * 2, 20_000));
    }
  }, pause * (0.5 + Math.random()));
}
