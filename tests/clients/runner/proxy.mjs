// The gateway of the future: passes everything on, and adds a field to every object of its answers.

import { createServer, request } from "node:http";

const FIELD = "added_later";

export async function startProxy(target) {
  const server = createServer((incoming, outgoing) => {
    const passed = request(
      target + incoming.url,
      { method: incoming.method, headers: { ...incoming.headers, host: new URL(target).host } },
      (answer) => {
        const type = answer.headers["content-type"] ?? "";
        const headers = { ...answer.headers };
        delete headers["content-length"];
        outgoing.writeHead(answer.statusCode, headers);
        if (type.includes("json")) return whole(answer, outgoing);
        if (type.includes("event-stream")) return lines(answer, outgoing);
        answer.pipe(outgoing);
      },
    );
    passed.on("error", () => outgoing.destroy());
    outgoing.on("close", () => passed.destroy());
    incoming.pipe(passed);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function whole(answer, outgoing) {
  const chunks = [];
  answer.on("data", (chunk) => chunks.push(chunk));
  answer.on("end", () => {
    const text = Buffer.concat(chunks).toString();
    outgoing.end(text === "" ? text : grown(text));
  });
}

function lines(answer, outgoing) {
  let rest = "";
  answer.setEncoding("utf8");
  answer.on("data", (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      outgoing.write(line.startsWith("data: ") ? `data: ${grown(line.slice(6))}\n` : `${line}\n`);
    }
  });
  answer.on("end", () => outgoing.end(rest));
}

function grown(text) {
  return JSON.stringify(JSON.parse(text), (_, value) =>
    value !== null && typeof value === "object" && !Array.isArray(value) ? { ...value, [FIELD]: "new" } : value,
  );
}
