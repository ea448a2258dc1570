// Where attacks come from: a page that is not the server's, and what it does.
import { createServer } from "node:http";

// An empty page on this machine. `site` says how a browser sees it from `base`: "cross-site" is under another host name,
// "same-site" under the same one with another port.
export async function otherSite(base, site) {
  const server = createServer((_, response) => {
    response.setHeader("content-type", "text/html");
    response.end('<!doctype html><link rel="icon" href="data:,"><title>another site</title>');
  });
  await new Promise((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  const { hostname } = new URL(base);
  const host = site === "same-site" ? hostname : other(hostname);
  return {
    url: `http://${host}:${server.address().port}/`,
    close: () => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }),
  };
}

// Ways to post `body` to `url`, and to open a WebSocket there, to be run in that page.
export const attackBy = {
  form: ({ url, body }) => {
    const form = document.createElement("form");
    Object.assign(form, { method: "post", action: url, enctype: "text/plain" });
    // A form can send JSON: the name and the value with "=" between them.
    const field = document.createElement("input");
    [field.name, field.value] = [body.slice(0, -1) + ',"x":"', '"}'];
    form.append(field);
    document.body.append(form);
    // Later, so that whoever runs this hears that it ran.
    setTimeout(() => form.submit());
  },
  // As the forms of pages that a server renders.
  fields: ({ url, fields }) => {
    const form = document.createElement("form");
    Object.assign(form, { method: "post", action: url });
    for (const [name, value] of Object.entries(fields)) {
      const field = document.createElement("input");
      Object.assign(field, { name, value });
      form.append(field);
    }
    document.body.append(form);
    setTimeout(() => form.submit());
  },
  fetch: ({ url, body }) => fetch(url, { method: "POST", mode: "no-cors", credentials: "include", body }).then(() => {}),
  socket: ({ url }) => new Promise((resolve) => {
    const socket = new WebSocket(url);
    socket.onopen = socket.onclose = () => { socket.close(); resolve(); };
  }),
  json: ({ url, body }) =>
    fetch(url, { method: "POST", credentials: "include", headers: { "content-type": "application/json" }, body })
      .then(() => "read", () => "refused"),
};

// Names of the same machine that are different sites.
function other(hostname) {
  return hostname === "localhost" ? "127.0.0.1" : "localhost";
}
