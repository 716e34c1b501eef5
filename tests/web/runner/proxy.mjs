// What lies between a browser and a gateway: counts requests, and can do to streams what proxies do.

import { createServer, request } from "node:http";

export async function startProxy(target) {
  const proxy = {
    /** Paths that were asked for, with the time. */
    seen: [],
    /** "pass"; "refuse": no stream gets through; "hold": its bytes are kept back for ever. */
    streams: "pass",
    open: 0,
  };
  const server = createServer((incoming, outgoing) => {
    const path = incoming.url.split("?")[0];
    const isStream = path.endsWith("/events/stream");
    if (path.startsWith("/api/")) proxy.seen.push({ path, method: incoming.method, at: Date.now() });
    if (isStream && proxy.streams === "refuse") return void outgoing.destroy();
    // The gateway is called by the name under which the browser knows it, so that it sees its own origin.
    const passed = request(target + incoming.url, { method: incoming.method, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      outgoing.flushHeaders();
      if (isStream) {
        proxy.open += 1;
        outgoing.on("close", () => (proxy.open -= 1));
      }
      if (isStream && proxy.streams === "hold") return answer.resume();
      answer.pipe(outgoing);
    });
    passed.on("error", () => outgoing.destroy());
    outgoing.on("close", () => passed.destroy());
    incoming.pipe(passed);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  proxy.url = `http://127.0.0.1:${server.address().port}`;
  proxy.count = (path) => proxy.seen.filter((request) => request.path.endsWith(path)).length;
  proxy.close = () => {
    server.close();
    server.closeAllConnections();
  };
  return proxy;
}
