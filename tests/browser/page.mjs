// Drives the page of `examples/login`: node page.mjs BASE_URL [SCREENSHOT_DIR]
//
// The server may have a short --ttl: the checks wait for tokens to expire.
import assert from "node:assert/strict";

import { attackBy, otherSite } from "./attacker.mjs";
import { gate } from "./gate.mjs";
import { requests, run, until, watchWire, wrongCode } from "./harness.mjs";

const [base, screenshots] = process.argv.slice(2).map((argument) => argument.replace(/\/$/, ""));
if (!base) {
  console.error("usage: node page.mjs BASE_URL [SCREENSHOT_DIR]");
  process.exit(2);
}
const USER = "user@example.com";
const ADMIN = "admin@example.com";
const LOCKED = "locked@example.com";
const TOTP = "totp@example.com";
const PASSWORD = "password123";

await run({
  "the page comes with a strict content security policy": async (check) => {
    const page = await check.page();
    const policy = (await (await page.goto(base)).headerValue("content-security-policy")) ?? "";
    for (const rule of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"]) {
      assert.ok(policy.includes(rule), `${rule} is not in "${policy}"`);
    }
    assert.ok(!policy.includes("unsafe"), policy);
    await button(page, "Log in").waitFor();
    await check.screenshot(page, "page-logged-out");
  },

  "the page says how long an access token lives": async (check) => {
    const page = await check.page();
    await page.goto(base);
    await loggedOut(page);
    const told = /an access token that lives for ([^,]+),/.exec(await page.locator("#signed-out").textContent())[1];
    const { expires_in: seconds } = await logIn(page, USER);
    const words = { 1: "a second", 60: "a minute", 3600: "an hour" }[seconds];
    assert.equal(told, words ?? (seconds % 60 === 0 ? `${seconds / 60} minutes` : `${seconds} seconds`));
  },

  "login works": async (check) => {
    const page = await check.page();
    await logIn(page, USER);
    assert.match(await page.locator("#who").textContent(), /user@example\.com, role user/);
    const [answer] = await call(page, "GET /api/profile");
    assert.equal(answer.status, 200);
    assert.equal(answer.body.email, USER);
    await check.screenshot(page, "page-logged-in");
  },

  "a wrong password is said in words and logs nobody in": async (check) => {
    const page = await check.page();
    await page.goto(base);
    await fillIn(page, USER, "password124");
    await page.getByRole("alert").filter({ hasText: "password is wrong" }).waitFor();
    assert.deepEqual(await page.context().cookies(), []);
    assert.ok(await button(page, "Log in").isVisible());
    await check.screenshot(page, "page-wrong-password");
  },

  "a locked account is said in words": async (check) => {
    const page = await check.page();
    await page.goto(base);
    await fillIn(page, LOCKED, PASSWORD);
    await page.getByRole("alert").filter({ hasText: "This account is locked" }).waitFor();
    assert.deepEqual(await page.context().cookies(), []);
  },

  "a second factor is asked for after the password, and stays in every token": async (check) => {
    const page = await check.page();
    await page.goto(base);
    await loggedOut(page);
    assert.ok(!(await page.getByLabel("Six-digit code").isVisible()));
    await page.getByLabel("Remember me").check();
    await fillIn(page, TOTP, PASSWORD);
    await until("the code has the focus", async () => (await focused(page)).id === "code");
    await said(page, "Now the code of your authenticator app");
    assert.equal(await page.getByLabel("Email address").inputValue(), TOTP);
    assert.equal(await page.getByLabel("Password").inputValue(), PASSWORD);
    assert.ok(await page.getByLabel("Remember me").isChecked());
    assert.deepEqual(await page.context().cookies(), []);
    await check.screenshot(page, "page-second-factor");

    await page.getByLabel("Six-digit code").fill(wrongCode());
    await page.keyboard.press("Enter");
    await page.getByRole("alert").filter({ hasText: "the code is wrong" }).waitFor();
    assert.equal((await focused(page)).id, "code");
    await check.screenshot(page, "page-wrong-code");

    await button(page, "Fill in the code").click();
    await until("the code is there", async () => (await page.getByLabel("Six-digit code").inputValue()) !== "");
    await button(page, "Log in").click();
    await loggedIn(page);
    for (let round = 0; round < 3; round += 1) {
      const claims = await claimsShown(page);
      assert.deepEqual([claims.acr, claims.amr], ["urn:example:aal2", '["pwd","otp"]']);
      assert.match(claims.auth_time, /^\d+/);
      assert.equal((await call(page, "GET /api/vault")).at(-1).status, 200);
      await refreshNow(page);
    }
    await check.screenshot(page, "page-vault");
    await button(page, "Log out").click();
    await loggedOut(page);
    assert.ok(!(await page.getByLabel("Six-digit code").isVisible()));
    assert.equal(await page.getByLabel("Password").inputValue(), "");
  },

  "another address takes the question for the code back": async (check) => {
    const page = await check.page();
    await page.goto(base);
    await fillIn(page, TOTP, PASSWORD);
    await page.getByLabel("Six-digit code").waitFor();
    await fillIn(page, USER, PASSWORD);
    await loggedIn(page);
  },

  "the vault asks a login by password for more, and no refresh is tried": async (check) => {
    const page = await check.page();
    await logIn(page, USER);
    await refreshNow(page);
    const answers = await call(page, "GET /api/vault");
    assert.deepEqual(answers.map(({ status }) => status), [401]);
    assert.match(answers[0].challenge, /^Bearer error="insufficient_user_authentication".*acr_values="urn:example:aal2"/);
    await page.getByText("Log out, and log in as totp@example.com").waitFor();
    await check.screenshot(page, "page-step-up");
    assert.equal((await call(page, "GET /api/profile")).at(-1).status, 200);
  },

  "a session that is remembered lives longer, and the page says how long": async (check) => {
    for (const [remember, seconds] of [[false, 3600], [true, 14 * 24 * 3600]]) {
      const page = await check.page();
      await page.goto(base);
      await page.getByLabel("Remember me").setChecked(remember);
      await logIn(page, USER);
      await refreshNow(page);
      await refreshOnlyWhenNeeded(page);
      const cookies = await page.context().cookies();
      const { expires } = cookies.find(({ name }) => name === "__Host-refresh");
      const lives = expires - Date.now() / 1000;
      assert.ok(lives > seconds - 60 && lives <= seconds + 1, `${lives} s`);
      // It says the minute.
      const told = Date.parse(await page.locator("#ends").textContent()) / 1000;
      assert.ok(Math.abs(told - expires) < 120, `${told} for ${expires}`);
    }
  },

  "the keyboard is enough to log in and out": async (check) => {
    const page = await check.page();
    await page.goto(base);
    await loggedOut(page);
    await tabTo(page, "email");
    await page.keyboard.type(USER);
    await tabTo(page, "password");
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press("Enter");
    await loggedIn(page);
    await until("the greeting has the focus", async () => (await focused(page)).id === "title");
    await tabTo(page, "logout");
    await page.keyboard.press("Enter");
    await loggedOut(page);
    await until("the form has the focus", async () => (await focused(page)).id === "email");
  },

  "cookies carry every attribute": async (check) => {
    const page = await check.page();
    const { expires_in: seconds } = await logIn(page, USER);
    const cookies = await page.context().cookies([`${base}/`, `${base}/session/refresh`]);
    const now = Date.now() / 1000;
    const seen = cookies.map(({ name, httpOnly, secure, sameSite, path, domain }) => ({ name, httpOnly, secure, sameSite, path, domain }));
    const domain = new URL(base).hostname;
    const strict = { secure: true, sameSite: "Strict", domain };
    assert.deepEqual(seen.sort((one, other) => (one.name < other.name ? -1 : 1)), [
      { name: "__Host-access", httpOnly: true, path: "/", ...strict },
      { name: "__Host-csrf", httpOnly: false, path: "/", ...strict },
      { name: "__Host-refresh", httpOnly: true, path: "/", ...strict },
    ]);
    for (const { name, expires } of cookies) {
      assert.ok(expires > now, `${name} has no expiry`);
    }
    const refresh = cookies.find(({ name }) => name === "__Host-refresh");
    assert.ok(refresh.expires > now + seconds, "the refresh cookie must outlive the access token");
  },

  "no script can read a token": async (check) => {
    const page = await check.page();
    await logIn(page, USER);
    const visible = await page.evaluate(() => [document.cookie, JSON.stringify(localStorage), JSON.stringify(sessionStorage)]);
    assert.match(visible[0], /^__Host-csrf=[^;]+$/);
    assert.deepEqual(visible.slice(1), ["{}", "{}"]);
  },

  "a reload keeps the session": async (check) => {
    const page = await check.page();
    await logIn(page, USER);
    await page.reload();
    await loggedIn(page);
    // As when the access token ended while the page was closed.
    await page.context().clearCookies({ name: "__Host-access" });
    await page.reload();
    await loggedIn(page);
    assert.equal((await call(page, "GET /api/profile")).at(-1).status, 200);
    // As with a server that sets no cookie for scripts.
    await page.context().clearCookies({ name: "__Host-csrf" });
    await page.reload();
    await loggedIn(page);
  },

  "a visitor without a session sees the form, and no word of an end": async (check) => {
    const context = await check.context();
    const [one, other] = [await context.newPage(), await context.newPage()];
    await logIn(one, USER);
    await refreshOnlyWhenNeeded(one);
    await context.clearCookies();
    await other.goto(base);
    await loggedOut(other);
    assert.equal(await other.locator("#message").textContent(), "");
    // The other tab finds out by itself.
    assert.ok(await one.locator("#title").isVisible());
  },

  "the token is refreshed before it expires and the session goes on": async (check) => {
    const page = await check.page();
    const { expires_in: seconds, session_id: id } = await logIn(page, USER);
    const refreshes = [];
    page.on("response", (response) => { if (isRefresh(response)) refreshes.push(response); });
    // Twice takes longer than a token lives.
    for (let round = 0; round < 2; round += 1) {
      await page.waitForResponse(isRefresh, { timeout: 1000 * seconds + 10_000 });
    }
    for (const response of refreshes) {
      assert.equal(response.status(), 200);
      assert.equal((await response.json()).session_id, id);
    }
    assert.deepEqual((await call(page, "GET /api/profile")).map(({ status }) => status), [200]);
  },

  "an expired token is refused, refreshed once and the call repeated": async (check) => {
    const page = await check.page();
    const { expires_in: seconds } = await logIn(page, USER);
    await refreshOnlyWhenNeeded(page);
    await page.getByText(/^Expired/).waitFor({ timeout: 1000 * seconds + 10_000 });
    const answers = await call(page, "GET /api/profile");
    assert.deepEqual(answers.map(({ line, status }) => [line, status]), [
      ["GET /api/profile", 401],
      ["POST /session/refresh", 200],
      ["GET /api/profile", 200],
    ]);
  },

  "calls that fail together share one refresh": async (check) => {
    const page = await check.page();
    await logIn(page, USER);
    await refreshOnlyWhenNeeded(page);
    await page.context().clearCookies({ name: "__Host-access" });
    const refreshes = requests(page, "POST", "/session/refresh");
    await page.evaluate(() => ["profile", "admin", "look"].forEach((id) => document.getElementById(id).click()));
    await until("all calls have ended", () => page.evaluate(() => document.querySelector('[aria-busy="true"]') === null));
    assert.equal(refreshes.length, 1);
    assert.ok(await page.locator("#title").isVisible());
  },

  "two tabs refresh at once and both stay logged in": async (check) => {
    const context = await check.context();
    const [one, other] = [await context.newPage(), await context.newPage()];
    await logIn(one, USER);
    await other.goto(base);
    await loggedIn(other);
    const sent = [one, other].map((page) => requests(page, "POST", "/session/refresh"));
    // On a busy machine one tab may come so late that it sends the successor. So until both have sent the same one.
    let together = 0;
    for (let round = 1; together < 3; round += 1) {
      assert.ok(round <= 30, "the tabs hardly ever send the same refresh token");
      sent.forEach((list) => list.splice(0));
      await button(one, "Refresh in all tabs at once").click();
      await until("both tabs have said how it went", async () => (await one.locator("#raced li").count()) === 2);
      for (const words of await one.locator("#raced li").allTextContents()) {
        assert.match(words, /tab: 1 of 1 succeeded/);
      }
      await until("the race is over", async () => (await one.locator("#race").getAttribute("aria-busy")) === "false");
      const [mine, theirs] = await Promise.all(sent.map(([request]) => refreshTokenOf(request)));
      if (mine === theirs) together += 1;
    }
    await check.screenshot(one, "page-two-tabs");
    for (const page of [one, other]) {
      assert.equal((await call(page, "GET /api/profile")).at(-1).status, 200);
    }
  },

  "parallel refreshes of one page all succeed": async (check) => {
    // Without it, a slow request may come with a token that the answers to the others have made an old one: a replay.
    const between = await gate();
    try {
      const page = await check.page({ proxy: { server: between.url } });
      await logIn(page, USER);
      await refreshOnlyWhenNeeded(page);
      // The last thing that the page asks for by itself.
      await page.locator("#devices li").first().waitFor();
      for (let round = 0; round < 3; round += 1) {
        await page.evaluate(() => document.getElementById("raced").replaceChildren());
        const sent = between.together(5, "POST", "/session/refresh");
        await button(page, "Five times in this tab").click();
        const words = page.locator("#raced li").first();
        await words.waitFor();
        assert.match(await words.textContent(), /tab: 5 of 5 succeeded/);
        const tokens = (await sent).map(({ cookie }) => refreshTokenIn(cookie));
        assert.deepEqual([tokens.length, new Set(tokens).size], [5, 1], "five times the same token");
      }
      assert.equal((await call(page, "GET /api/profile")).at(-1).status, 200);
    } finally {
      await between.close();
    }
  },

  "tabs log in and out together": async (check) => {
    const context = await check.context();
    const [one, other] = [await context.newPage(), await context.newPage()];
    await other.goto(base);
    await loggedOut(other);
    await logIn(one, USER);
    await loggedIn(other);
    await button(other, "Log out").click();
    await loggedOut(other);
    await loggedOut(one);
  },

  "a tampered token is refused with 401 invalid_token, cookies or not": async (check) => {
    const page = await check.page();
    await logIn(page, USER);
    for (const change of ["Change the role", "Add a year to exp", "Set alg to none", "Flip a signature character"]) {
      for (const cookies of [false, true]) {
        await button(page, "Take the current token").click();
        await button(page, change).click();
        await page.getByLabel("Send the cookies too").setChecked(cookies);
        const answer = await send(page, "Send to /api/admin");
        assert.equal(answer.status, 401, change);
        assert.match(answer.challenge, /^Bearer .*error="invalid_token"/, change);
        assert.equal(answer.type, "application/problem+json");
        assert.equal(answer.body.error, "invalid_token");
        // Not that something is missing: this algorithm is what is refused.
        if (change === "Set alg to none") assert.match(answer.challenge, /algorithm/, change);
      }
    }
    await check.screenshot(page, "page-tampered");
  },

  "an untouched bearer token is accepted, but not beside the cookie": async (check) => {
    const page = await check.page();
    await logIn(page, USER);
    await refreshNow(page);
    await button(page, "Take the current token").click();
    assert.equal((await send(page, "Send to /api/profile")).status, 200);
    await refreshNow(page);
    await button(page, "Take the current token").click();
    await page.getByLabel("Send the cookies too").check();
    const both = await send(page, "Send to /api/profile");
    assert.equal(both.status, 400);
    assert.match(both.challenge, /error="invalid_request"/);
  },

  "the admin route is for the admin": async (check) => {
    const page = await check.page();
    await logIn(page, USER);
    const refused = (await call(page, "GET /api/admin")).at(-1);
    assert.equal(refused.status, 403);
    assert.match(refused.challenge, /^Bearer .*error="insufficient_scope"/);
    assert.equal(refused.type, "application/problem+json");
    await button(page, "Log out").click();
    await logIn(page, ADMIN);
    assert.equal((await call(page, "GET /api/admin")).at(-1).status, 200);
  },

  "devices are listed, and another one is ended": async (check) => {
    const page = await check.page();
    const name = `lost phone ${Date.now()}`;
    const lost = await check.page({ userAgent: name });
    await logIn(lost, USER);
    await refreshOnlyWhenNeeded(lost);
    await logIn(page, USER);
    const devices = page.locator("#devices li");
    const here = devices.filter({ hasText: "this device" });
    await here.waitFor();
    assert.equal(await here.count(), 1);
    await check.screenshot(page, "page-devices");
    await devices.filter({ hasText: name }).getByRole("button").click();
    await until("the device is gone", async () => (await devices.filter({ hasText: name }).count()) === 0);
    await button(lost, "GET /api/profile").click();
    await loggedOut(lost);
    await said(lost, "Your session has ended");
    assert.equal((await call(page, "GET /api/profile")).at(-1).status, 200);
  },

  "logout clears the cookies, and the old ones are worth nothing": async (check) => {
    const page = await check.page();
    await logIn(page, USER);
    const old = await page.context().cookies();
    await button(page, "Log out").click();
    await loggedOut(page);
    assert.deepEqual(await page.context().cookies(), []);
    await page.reload();
    await loggedOut(page);

    const thief = await check.context();
    await thief.addCookies(old);
    const answers = await Promise.all([thief.request.get(`${base}/api/profile`), thief.request.get(`${base}/session/sessions`)]);
    assert.deepEqual(answers.map((answer) => answer.status()), [401, 401]);
    const stolen = await thief.newPage();
    await stolen.goto(base);
    await loggedOut(stolen);
    await said(stolen, "Your session has ended");
  },

  "log out everywhere ends the other devices too": async (check) => {
    const [page, other] = [await check.page(), await check.page()];
    await logIn(other, ADMIN);
    await refreshOnlyWhenNeeded(other);
    await logIn(page, ADMIN);
    await button(page, "Log out everywhere").click();
    await loggedOut(page);
    assert.deepEqual(await page.context().cookies(), []);
    await button(other, "GET /api/profile").click();
    await loggedOut(other);
  },

  "another site can neither log out, refresh nor log in": (check) => attack(check, { site: "cross-site", cookies: false }),

  "another origin of the same site is refused although its cookies are sent": (check) => attack(check, { site: "same-site", cookies: true }),

  "another origin of the same site cannot open a WebSocket as the user": async (check) => {
    check.allow(/WebSocket connection to/);
    const attacker = await otherSite(base, "same-site");
    try {
      const page = await check.page();
      await logIn(page, USER);
      const statuses = failedHandshakes(page);
      // The server has no WebSocket: who gets through is answered as to any GET.
      for (const [site, status] of [[attacker.url, 403], [base, 200]]) {
        await page.goto(site);
        statuses.splice(0);
        await page.evaluate(attackBy.socket, { url: `${base}/api/profile`.replace(/^http/, "ws") });
        await until("the handshake is answered", () => statuses.length > 0);
        assert.deepEqual(statuses, [status], site);
      }
    } finally {
      await attacker.close();
    }
  },

  "trouble is said in words and costs no session": async (check) => {
    check.allow(/status of 503|ERR_INTERNET_DISCONNECTED/);
    const page = await check.page();
    await page.goto(base);
    const answer = (status) => (route) => route.fulfill({ status, headers: { "retry-after": "7" }, json: { error: "temporarily_unavailable" } });
    await page.route("**/session/login", answer(429));
    await fillIn(page, USER, PASSWORD);
    await page.getByRole("alert").filter({ hasText: /Too many attempts\. Try again in 7\ss/ }).waitFor();
    await page.unroute("**/session/login");
    await logIn(page, USER);

    await page.route("**/session/refresh", answer(503));
    await button(page, "Refresh now").click();
    await said(page, "cannot do this right now");
    await check.screenshot(page, "page-unavailable");
    await page.unroute("**/session/refresh");

    await page.context().setOffline(true);
    await button(page, "Refresh now").click();
    await said(page, "offline");
    await page.context().setOffline(false);
    await refreshNow(page);
    assert.ok(await page.locator("#title").isVisible());
  },

  "on a phone it is two screens long, and the line of messages covers no control that gets the focus": async (check) => {
    const page = await check.page({ viewport: { width: 390, height: 844 } });
    await logIn(page, USER);
    await page.locator("#devices li").first().waitFor();
    const screens = await page.evaluate(() => document.documentElement.scrollHeight / window.innerHeight);
    assert.ok(screens <= 2, `${screens} screens`);
    await check.screenshot(page, "page-phone-logged-in");

    for (const part of ["Decoded", "Tamper with it", "What happened"]) await page.getByText(part, { exact: true }).click();
    // A line of more than one row.
    await page.locator("#message").evaluate((line) => { line.textContent = "You have a new access token. ".repeat(6); });
    const covered = await page.evaluate(async () => {
      const frame = () => new Promise((done) => { requestAnimationFrame(() => { requestAnimationFrame(done); }); });
      await frame();
      const line = document.querySelector("#message");
      const found = [];
      const controls = [...document.querySelectorAll("#signed-in :is(button, input, textarea, summary, a, [tabindex])")];
      // From the bottom up, so that each one comes into view at the top.
      for (const control of controls.reverse().filter((one) => one.checkVisibility())) {
        control.focus();
        await frame();
        // Of a field with several rows, the one with the caret counts: the last.
        const { top, bottom } = control.getBoundingClientRect();
        const edge = control.matches("textarea") ? bottom - 20 : top;
        if (edge < line.getBoundingClientRect().bottom) found.push(control.id || control.textContent);
      }
      return found;
    });
    assert.deepEqual(covered, []);
  },

  "it fits a narrow screen, dark and light": async (check) => {
    for (const colorScheme of ["light", "dark"]) {
      const page = await check.page({ colorScheme, viewport: { width: 360, height: 740 } });
      await page.goto(base);
      await loggedOut(page);
      await fits(page);
      await check.screenshot(page, `page-narrow-${colorScheme}-logged-out`);
      await logIn(page, USER);
      await page.getByText("Tamper with it").click();
      await button(page, "Flip a signature character").click();
      await send(page, "Send to /api/admin");
      await call(page, "GET /api/admin");
      await fits(page);
      await check.screenshot(page, `page-narrow-${colorScheme}-logged-in`);
      await page.setViewportSize({ width: 1280, height: 800 });
      await check.screenshot(page, `page-wide-${colorScheme}-refused`);
    }
  },
}, screenshots);

// Posts to the session routes from a page that is not theirs. Nothing may change.
async function attack(check, { site, cookies }) {
  // What the browser says when an answer is kept from the script.
  check.allow(/CORS policy|net::ERR_FAILED/);
  const attacker = await otherSite(base, site);
  try {
    const page = await check.page();
    await logIn(page, USER);
    const before = await kept(page);
    const credentials = JSON.stringify({ email: ADMIN, password: PASSWORD });
    const wire = await watchWire(page);
    for (const route of ["logout", "refresh", "login"]) {
      for (const way of ["form", "fetch"]) {
        const url = `${base}/session/${route}`;
        // Leaves the page of the victim too, so that it does not refresh by itself.
        await page.goto(attacker.url);
        wire.clear();
        await page.evaluate(attackBy[way], { url, body: credentials });
        const post = () => [...wire.values()].find((one) => one.line === `POST ${url}`);
        await until("the server has answered", () => post()?.sent && post().status);
        const { sent, status, received } = post();
        const what = `${way} to ${route}`;
        assert.equal(sent["Sec-Fetch-Site"], site, what);
        assert.equal("Cookie" in sent, cookies, `${what}: cookies`);
        assert.equal(status, 403, what);
        assert.ok(!Object.keys(received).some((name) => /^set-cookie$/i.test(name)), `${what}: sets cookies`);
        if (way === "form") await page.waitForURL(url);
      }
      // With this content type the browser asks first, and is not let through.
      await page.goto(attacker.url);
      const read = await page.evaluate(attackBy.json, { url: `${base}/session/${route}`, body: credentials });
      assert.equal(read, "refused");
    }
    assert.deepEqual(await kept(page), before);
    await page.goto(base);
    await loggedIn(page);
    assert.match(await page.locator("#who").textContent(), /user@example\.com/);
  } finally {
    await attacker.close();
  }
}

// The statuses of the answers to WebSocket handshakes that failed. Chromium tells them in words only.
function failedHandshakes(page) {
  const statuses = [];
  page.on("websocket", (socket) => {
    socket.on("socketerror", (words) => statuses.push(Number(/response code: (\d+)/.exec(words)?.[1] ?? words)));
  });
  return statuses;
}

async function refreshTokenOf(request) {
  return refreshTokenIn((await request.allHeaders()).cookie);
}

function refreshTokenIn(cookies) {
  return /__Host-refresh=([^;]+)/.exec(cookies)[1];
}

// The cookies that a refresh, a login or a logout would change.
async function kept(page) {
  const cookies = await page.context().cookies([`${base}/`, `${base}/session/refresh`]);
  return cookies.filter(({ name }) => name !== "__Host-access").map(({ name, value }) => `${name}=${value}`).sort();
}

// What the server answered to the login.
async function logIn(page, email) {
  if (!page.url().startsWith(base)) await page.goto(base);
  const [answer] = await Promise.all([
    page.waitForResponse((response) => response.url() === `${base}/session/login`).then((response) => response.json()),
    fillIn(page, email, PASSWORD),
  ]);
  await loggedIn(page);
  return answer;
}

async function fillIn(page, email, password) {
  await page.getByLabel("Email address").fill(email);
  await page.getByLabel("Password").fill(password);
  await button(page, "Log in").click();
}

function loggedIn(page) {
  return page.getByRole("heading", { name: /^Hello/ }).waitFor();
}
function loggedOut(page) {
  return page.getByRole("heading", { name: "Log in" }).waitFor();
}
function said(page, words) {
  return page.getByRole("status").filter({ hasText: words }).waitFor();
}
function button(page, name) {
  return page.getByRole("button", { name, exact: true });
}
function isRefresh(response) {
  return response.url() === `${base}/session/refresh`;
}

// So that nothing but the check makes the page ask the server.
async function refreshOnlyWhenNeeded(page) {
  await page.getByLabel("Refresh before it expires").uncheck();
}

async function refreshNow(page) {
  await button(page, "Refresh now").click();
  await said(page, "You have a new access token");
}

// Presses a button of "Call the API" and reads the answers that the page shows.
async function call(page, name) {
  await page.evaluate(() => document.getElementById("answers").replaceChildren());
  await button(page, name).click();
  await page.locator("#answers li").first().waitFor();
  return answers(page, "answers");
}

// The payload of the token as the page shows it, by name.
function claimsShown(page) {
  return page.locator("#decoded-payload tr").evaluateAll((rows) =>
    Object.fromEntries(rows.map((row) => [row.querySelector("th").textContent, row.querySelector("td").firstChild.textContent])));
}

// The same for "Tamper with it".
async function send(page, name) {
  await page.evaluate(() => document.getElementById("refusal").replaceChildren());
  await button(page, name).click();
  await page.locator("#refusal li").first().waitFor();
  return (await answers(page, "refusal"))[0];
}

function answers(page, id) {
  return page.locator(`#${id} > li`).evaluateAll((items) => items.map((item) => {
    const header = (name) => [...item.querySelectorAll("dt")].find((dt) => dt.textContent === name)?.nextSibling.textContent ?? "";
    return {
      line: item.querySelector("code").textContent,
      status: Number.parseInt(item.querySelector(".status").textContent, 10),
      challenge: header("WWW-Authenticate"),
      type: header("Content-Type"),
      body: JSON.parse(item.querySelector("pre")?.textContent ?? "null"),
    };
  }));
}

async function tabTo(page, id) {
  for (let presses = 0; presses < 12; presses += 1) {
    await page.keyboard.press("Tab");
    const { id: here, ring } = await focused(page);
    assert.ok(ring, `no focus ring on ${here || "an element"}`);
    if (here === id) return;
  }
  assert.fail(`Tab does not reach ${id}`);
}

function focused(page) {
  return page.evaluate(() => {
    const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
    return { id: document.activeElement.id, ring: outlineStyle !== "none" && outlineWidth !== "0px" };
  });
}

async function fits(page) {
  const [content, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(content <= screen, `${content} px wide on a screen of ${screen} px`);
}
