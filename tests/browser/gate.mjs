// A proxy between a browser and the server that can hold requests back.
import { createServer, request as send } from "node:http";

// Requests go through at once, until `together` says otherwise.
export async function gate() {
  let held;
  const server = createServer((incoming, outgoing) => {
    const pass = () => forward(incoming, outgoing);
    if (held?.wants(incoming)) held.take(incoming, pass);
    else pass();
  });
  await new Promise((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    // Holds the next requests with this method and path until there are `count`, then lets all of them through: none was
    // sent by somebody who had the answer to another. Comes to their headers.
    together: (count, method, path) => new Promise((resolve) => {
      const waiting = [];
      held = {
        wants: (incoming) => incoming.method === method && new URL(incoming.url).pathname === path,
        take: (incoming, pass) => {
          waiting.push({ headers: incoming.headers, pass });
          if (waiting.length < count) return;
          held = undefined;
          for (const each of waiting) each.pass();
          resolve(waiting.map(({ headers }) => headers));
        },
      };
    }),
    close: () => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }),
  };
}

// To a proxy, a browser names the whole URL.
function forward(incoming, outgoing) {
  const { method, headers } = incoming;
  const passed = send(incoming.url, { method, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode, answer.statusMessage, answer.rawHeaders);
    answer.pipe(outgoing);
  });
  passed.on("error", () => outgoing.destroy());
  incoming.pipe(passed);
}
