// The shared worker that holds the stream of all tabs. Part of slipway-events.js.

import { openHub } from "./slipway-events-shared.js";

/** @type {Set<MessagePort>} */
const ports = new Set();
/** @type {ReturnType<typeof openHub> | null} */
let hub = null;

self.addEventListener("connect", (/** @type {any} */ connection) => {
  /** @type {MessagePort} */
  const port = connection.ports[0];
  port.onmessage = ({ data }) => {
    if (data.say === "open") {
      ports.add(port);
      hub ??= openHub(data.options, (news) => ports.forEach((listener) => listener.postMessage(news)));
      hub.take({ say: "hello" });
    } else if (data.say === "bye") {
      ports.delete(port);
    } else {
      hub?.take(data);
    }
  };
  port.start();
});
