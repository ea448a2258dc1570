// Drives the set-ups of the guide `set_ups`: node set-ups.mjs ORIGINS [SCREENSHOT_DIR]
//
// ORIGINS is what `tests/tests/set_ups` has started, as JSON. The names end in `localhost`: a browser takes them for this
// machine, trusts them without TLS, and sees the last two labels as the site.
import assert from "node:assert/strict";

import { attackBy } from "./attacker.mjs";
import { requests, run, until, watchWire } from "./harness.mjs";

const [origins, screenshots] = process.argv.slice(2);
if (!origins) {
  console.error("usage: node set-ups.mjs ORIGINS [SCREENSHOT_DIR]");
  process.exit(2);
}
const sites = JSON.parse(origins);
const LOGIN = { name: "ada", password: "engine" };
// Chromium says this to an answer that it keeps from the script.
const KEPT = /CORS policy|net::ERR_FAILED|status of 403/;

await run({
  "one origin: log in, call, refresh, log out": async (check) => {
    const page = await opened(check, sites.oneOrigin);
    assert.equal(await call(page), 401);
    assert.equal(await logIn(page), 200);
    assert.equal(await page.evaluate(() => document.cookie), "");
    assert.equal(await call(page), 200);
    const refreshes = requests(page, "POST", "/session/refresh");
    await page.context().clearCookies({ name: "__Host-access" });
    assert.deepEqual(await page.evaluate(() => Promise.all([1, 2, 3].map(() => call("/api/me").then(({ status }) => status)))), [200, 200, 200]);
    assert.equal(refreshes.length, 1, "one refresh for three calls");
    assert.equal(await call(page, "POST"), 200);
    assert.equal(await logOut(page), 204);
    assert.equal(await call(page), 401);
    assert.deepEqual(await page.context().cookies(), []);
  },

  "one origin: Back shows nothing of who has logged out": async (check) => {
    // Where the browser is not told, the page comes back as it was.
    for (const [site, shown] of [[sites.keepsSiteData, "ada"], [sites.oneOrigin, ""]]) {
      const page = await opened(check, site);
      await logIn(page);
      await page.evaluate(() => { document.getElementById("who").textContent = "ada"; });
      await page.goto(`${site}/?next`);
      assert.equal(await logOut(page), 204);
      await page.goBack({ waitUntil: "commit" });
      await until("the page is there", () => page.evaluate(() => document.getElementById("who") !== null));
      assert.equal(await page.locator("#who").textContent(), shown, site);
    }
  },

  "one origin: a service worker that sends a foreign form anew is refused": async (check) => {
    const page = await opened(check, sites.oneOrigin);
    await logIn(page);
    await page.evaluate(async () => {
      await navigator.serviceWorker.register("/worker.js");
      await navigator.serviceWorker.ready;
    });
    const before = await page.context().cookies();
    // A handler that does not ask for JSON takes it.
    const answers = { "/session/login": 415, "/session/refresh": 415, "/session/logout": 415, "/session/logout-all": 415, "/api/me": 200 };
    for (const [path, status] of Object.entries(answers)) {
      const url = sites.oneOrigin + path;
      await page.goto(sites.stranger);
      const sent = page.context().waitForEvent("request", (request) => request.url() === url && request.serviceWorker());
      await page.evaluate(attackBy.form, { url, body: JSON.stringify(LOGIN) });
      const request = await sent;
      await page.waitForURL(url);
      const headers = await request.allHeaders();
      assert.equal(headers["sec-fetch-site"], "same-origin", path);
      assert.match(headers.cookie, /__Host-refresh=/, path);
      assert.equal((await request.response()).status(), status, path);
    }
    assert.deepEqual(await page.context().cookies(), before);
    // The page itself can.
    await page.goto(sites.oneOrigin);
    assert.equal(await call(page), 200);
    assert.equal(await logOut(page), 204);
  },

  "sibling subdomains: log in, call, refresh, log out, with both frameworks": async (check) => {
    for (const { page: site } of sites.siblings) {
      const page = await opened(check, site);
      assert.equal(await logIn(page), 200, site);
      assert.equal(await call(page), 200, site);
      assert.equal(await call(page, "POST"), 200, site);
      await page.context().clearCookies({ name: "__Host-access" });
      assert.equal(await call(page), 200, site);
      assert.equal(await page.evaluate(() => document.cookie), "", "the cookies are those of the API");
      assert.equal(await logOut(page), 204, site);
      assert.equal(await call(page), 401, site);
      const told = await page.evaluate(() => send("/api/me").then(({ headers }) => headers.get("www-authenticate")));
      assert.equal(told, "Bearer", site);
    }
  },

  "sibling subdomains: another origin of the site is refused": async (check) => {
    check.allow(KEPT);
    for (const { page: site, stranger } of sites.siblings) {
      const page = await opened(check, site);
      await logIn(page);
      await page.goto(stranger);
      for (const path of ["/api/me", "/session/refresh", "/session/logout"]) {
        const answer = await forged(page, path);
        assert.deepEqual(answer, { read: "refused", status: 403, cookies: true }, path);
      }
      assert.equal(await page.evaluate(() => send("/api/me").then(() => "read", () => "refused")), "refused", site);
      await page.goto(site);
      assert.equal(await call(page), 200, site);
    }
  },

  "sibling subdomains: each setting that is missing is told": async (check) => {
    check.allow(KEPT);
    // By number: the answers to a login and to calls after it, and the line of the console.
    const without = {
      1: { login: 403 },
      2: { login: "refused", told: /No 'Access-Control-Allow-Origin' header/ },
      3: { login: "refused", told: /'Access-Control-Allow-Credentials' header/ },
      4: { login: 200, DELETE: "refused", told: /Method DELETE is not allowed by Access-Control-Allow-Methods/ },
      5: { login: "refused", told: /content-type is not allowed by Access-Control-Allow-Headers/ },
      6: { login: 200, challenge: null },
      7: { login: "refused", told: /No 'Access-Control-Allow-Origin' header/ },
    };
    for (const [number, { login, told, challenge, DELETE }] of Object.entries(without)) {
      const page = await opened(check, sites.siblingsWithout[number - 1].page);
      const lines = [];
      page.on("console", (message) => lines.push(message.text()));
      assert.equal(await logIn(page), login, `login without ${number}`);
      if (DELETE) assert.equal(await bareCall(page, { method: "DELETE" }), DELETE);
      if (told) await until(`${told} is told`, () => lines.some((line) => told.test(line)));
      if (challenge === undefined) continue;
      await page.context().clearCookies();
      assert.equal(await page.evaluate(() => send("/api/me").then(({ headers }) => headers.get("www-authenticate"))), challenge);
    }
    // (8) is the page's own.
    let page = await opened(check, sites.siblings[0].page);
    await logIn(page);
    assert.equal(await bareCall(page, { credentials: "same-origin" }), 401);
    // A layer that was not made of the session routes.
    page = await opened(check, sites.siblingsLayer.page);
    assert.equal(await logIn(page), 200);
    assert.equal(await bareCall(page, { method: "POST" }), 403);
  },

  "other sites: a login whose cookies the browser drops is refused": async (check) => {
    check.allow(KEPT);
    // A page of another site that the API names, and the own page in a frame there.
    const page = await opened(check, sites.anotherSite.page);
    const around = await opened(check, sites.framed.aroundStrict);
    const frame = await frameOf(around, sites.framed.strict);
    for (const one of [page, frame]) {
      const [status, body] = await one.evaluate((login) => post("/session/login", login).then(async (answer) => [answer.status, await answer.json()]), LOGIN);
      assert.equal(status, 403);
      assert.equal(body.error_description, "browsers keep no cookies of this login for a page of another site");
    }
    for (const one of [page, around]) assert.deepEqual(await one.context().cookies(), []);
    // At its own address the app of the frame works.
    await around.goto(sites.framed.strict);
    assert.equal(await logIn(around), 200);
  },

  "other sites: the app works in a frame of the partner, and in no other": async (check) => {
    check.allow(/frame-ancestors|ERR_BLOCKED_BY_RESPONSE|chrome-error/);
    check.allow(KEPT);
    const { app, partner, stranger } = sites.framed;
    const page = await opened(check, partner);
    const frame = await frameOf(page, app);
    assert.equal(await logIn(frame), 200);
    assert.equal(await call(frame, "POST"), 200);
    await page.context().clearCookies({ name: "__Host-access" });
    assert.equal(await call(frame), 200);

    // A session for each site around it: at its own address, nobody is logged in.
    await page.goto(app);
    assert.equal(await call(page), 401);

    await page.goto(stranger);
    await until("the frame is refused", () => page.frames()[1]?.url().startsWith("chrome-error:"));
    // Another site around the app is another jar of cookies.
    assert.deepEqual(await forged(page, "/api/me"), { read: "refused", status: 401, cookies: false });
    // The partner's own page brings the cookies along, and is refused.
    await page.goto(partner);
    assert.deepEqual(await forged(page, "/api/me"), { read: "refused", status: 403, cookies: true });
    assert.equal(await call(await frameOf(page, app)), 200);
  },

  "a path prefix: log in, call, refresh, log out": async (check) => {
    if (!sites.pathPrefix) return;
    const page = await opened(check, `${sites.pathPrefix}/shop/`);
    assert.equal(await logIn(page), 200);
    const paths = Object.fromEntries((await page.context().cookies()).map(({ name, path }) => [name, path]));
    assert.deepEqual(paths, { "__Host-shop-access": "/", "__Secure-shop-refresh": "/shop/session" });
    await page.context().clearCookies({ name: "__Host-shop-access" });
    assert.equal(await call(page, "POST"), 200);
    assert.equal(await logOut(page), 204);
    assert.deepEqual(await page.context().cookies(), []);
  },

  "a path prefix: with the inner path, the login works and the refresh does not": async (check) => {
    if (!sites.innerPath) return;
    const page = await opened(check, `${sites.innerPath}/shop/`);
    assert.equal(await logIn(page), 200);
    const answer = await page.evaluate(() => post("/session/refresh").then(async (answer) => [answer.status, await answer.json()]));
    assert.equal(answer[0], 400);
    assert.equal(answer[1].error_description, "there is no refresh token");
  },

  "forms: log in, order, renew, log out, with both frameworks": async (check) => {
    for (const { page: site } of sites.forms) {
      const page = await check.page();
      await page.goto(`${site}/orders?page=2`);
      assert.equal(page.url(), `${site}/login?return_to=%2Forders%3Fpage%3D2`);
      await fillIn(page, "wrong");
      await page.waitForURL(/error=invalid_grant/);
      await fillIn(page, LOGIN.password);
      await page.waitForURL(`${site}/orders?page=2`);
      assert.equal(await page.locator("#user").textContent(), LOGIN.name);

      // As the browser does when the access token expires: both live equally long.
      await page.context().clearCookies({ name: "__Host-access" });
      await page.locator("#again").click();
      await until("the access token is renewed", async () => (await names(page)).includes("__Host-access"));
      await page.waitForURL(`${site}/orders?page=2`);
      await page.locator("#order [name=item]").fill("tea");
      await page.locator("#order button").click();
      await page.waitForURL(`${site}/orders?item=tea`);
      assert.equal(await page.locator("#said").textContent(), "tea");

      await page.locator("#logout button").click();
      await page.waitForURL(`${site}/login`);
      assert.ok(!(await names(page)).some((name) => /access|refresh/.test(name)));
      await page.goto(`${site}/orders`);
      assert.equal(page.url(), `${site}/login?return_to=%2Forders`);
    }
  },

  "forms: those of other pages are refused, also by way of a service worker": async (check) => {
    for (const { page: site, stranger: sibling } of sites.forms) {
      const page = await check.page();
      await page.goto(`${site}/login`);
      await fillIn(page, LOGIN.password);
      await page.waitForURL(`${site}/orders`);
      const kept = await refreshCookie(page);
      const attacks = ["/orders", "/session/logout", "/session/logout-all", "/session/login"];
      const attack = async (from, path, what) => {
        await page.goto(from);
        const wire = await watchWire(page);
        const fields = { item: "poison", name: "bob", password: "engine", csrf_token: "a".repeat(64) };
        await page.evaluate(attackBy.fields, { url: site + path, fields });
        await page.waitForURL((url) => url.origin === site);
        assert.notEqual(await page.locator("#said").textContent({ timeout: 1 }).catch(() => ""), "poison", what);
        return [...wire.values()].find(({ line }) => line === `POST ${site}${path}`);
      };
      for (const path of attacks) {
        const foreign = await attack(sites.stranger, path, `another site: ${path}`);
        assert.equal(foreign.status, path === "/orders" ? 401 : 403, path);
        const { status, sent } = await attack(sibling, path, `a sibling: ${path}`);
        assert.equal(status, 403, path);
        assert.match(sent.Cookie, /__Host-refresh=/);
      }
      await page.goto(`${site}/worker`);
      await page.locator("#state").filter({ hasText: "ready" }).waitFor();
      for (const path of attacks) await attack(sites.stranger, path, `a service worker: ${path}`);
      await page.goto(`${site}/orders`);
      assert.equal(await page.locator("#user").textContent(), LOGIN.name);
      assert.deepEqual(await refreshCookie(page), kept);
      // The forms of the app go through it, too.
      await page.locator("#order [name=item]").fill("tea");
      await page.locator("#order button").click();
      await page.locator("#said").filter({ hasText: "tea" }).waitFor();
    }
  },

  "streams: the own page gets a WebSocket, and one of a sibling subdomain none": async (check) => {
    check.allow(/WebSocket connection to/);
    const { page: site, sibling } = sites.streams;
    const page = await opened(check, site);
    await logIn(page);
    const url = `${site.replace(/^http/, "ws")}/api/socket`;
    const open = () => page.evaluate((url) => new Promise((resolve) => {
      const socket = new WebSocket(url);
      socket.onopen = () => resolve("open");
      socket.onclose = () => resolve("closed");
    }), url);
    assert.equal(await open(), "open");
    const refused = new Promise((resolve) => {
      page.on("websocket", (socket) => socket.on("socketerror", resolve));
    });
    await page.goto(sibling);
    assert.equal(await open(), "closed");
    assert.match(await refused, /response code: 403/);
  },

  "streams: an EventSource ends for good at a 401, and the page opens another one": async (check) => {
    check.allow(/ERR_INCOMPLETE_CHUNKED_ENCODING/);
    const { page: site, controls } = sites.streams;
    const page = await opened(check, site);
    await logIn(page);
    const refreshes = requests(page, "POST", "/session/refresh");
    await page.evaluate(() => {
      window.bare = new EventSource("/api/events");
      window.heard = 0;
      window.over = false;
      listen("/api/events", () => { window.heard += 1; }, () => { window.over = true; });
    });
    const hears = async () => {
      const before = await page.evaluate(() => window.heard);
      await until("news come", async () => {
        await told(controls, "send");
        return (await page.evaluate(() => window.heard)) > before;
      });
    };
    await hears();
    // A restart of the server, with the token still good: the browser comes back by itself.
    await told(controls, "close");
    await until("it is open again", () => page.evaluate(() => window.bare.readyState === EventSource.OPEN));
    await hears();
    assert.equal(refreshes.length, 0);

    await told(controls, "expire");
    await told(controls, "close");
    await until("it is closed", () => page.evaluate(() => window.bare.readyState === EventSource.CLOSED));
    await hears();
    assert.equal(refreshes.length, 1);
    assert.equal(await page.evaluate(() => window.bare.readyState), 2, "a new cookie does not open it again");

    // With the session over, the page is told.
    await page.context().clearCookies();
    await told(controls, "close");
    await until("the page knows", () => page.evaluate(() => window.over));
  },
}, screenshots, { ignoreDefaultArgs: ["--disable-back-forward-cache"] });

async function opened(check, url) {
  const page = await check.page();
  await page.goto(url);
  return page;
}

// The frame with the app of this origin.
async function frameOf(page, origin) {
  const frame = () => page.frames().find((one) => one.url() === `${origin}/`);
  await until("the frame is there", () => frame());
  await frame().waitForLoadState();
  return frame();
}

// The status of each, as the script of the guide sees it, or "refused" where the browser keeps the answer.
function logIn(page) {
  return page.evaluate((login) => post("/session/login", login).then(({ status }) => status, () => "refused"), LOGIN);
}

function logOut(page) {
  return page.evaluate(() => post("/session/logout").then(({ status }) => status));
}

// Without the refresh that `call` has.
function bareCall(page, init) {
  return page.evaluate((init) => send("/api/me", init).then(({ status }) => status, () => "refused"), init);
}

function call(page, method = "GET") {
  return page.evaluate((method) => call("/api/me", { method }).then(({ status }) => status), method);
}

// A POST that a form could send, by a page that the API does not know: whether its script can read the answer, and what
// went over the wire.
async function forged(page, path) {
  const wire = await watchWire(page);
  const [url, read] = await page.evaluate((path) =>
    fetch(API + path, { method: "POST", credentials: "include", body: "{}" }).then(() => [API + path, "read"], () => [API + path, "refused"]), path);
  const post = () => [...wire.values()].find(({ line }) => line === `POST ${url}`);
  await until("the server has answered", () => post()?.sent && post().status);
  return { read, status: post().status, cookies: "Cookie" in post().sent };
}

async function fillIn(page, password) {
  await page.locator("#login [name=name]").fill(LOGIN.name);
  await page.locator("#login [name=password]").fill(password);
  await page.locator("#login button").click();
}

async function names(page) {
  return (await page.context().cookies()).map(({ name }) => name);
}

async function refreshCookie(page) {
  return (await page.context().cookies()).find(({ name }) => name === "__Host-refresh").value;
}

async function told(controls, what) {
  const { status } = await fetch(`${controls}/${what}`, { method: "POST" });
  assert.equal(status, 200);
}
