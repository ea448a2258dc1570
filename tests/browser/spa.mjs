// Drives the React app of `examples/react-spa`: node spa.mjs SPA_URL BASE_URL [SCREENSHOT_DIR]
//
// SPA_URL is the app, as `npm run dev` or `npm run preview` serves it; BASE_URL is the login server behind it. That may have a
// short --ttl: a check waits for a token to expire.
import assert from "node:assert/strict";

import { requests, run, until, wrongCode } from "./harness.mjs";

const [spa, base, screenshots] = process.argv.slice(2).map((argument) => argument.replace(/\/$/, ""));
if (!base) {
  console.error("usage: node spa.mjs SPA_URL BASE_URL [SCREENSHOT_DIR]");
  process.exit(2);
}
const USER = "user@example.com";
const ADMIN = "admin@example.com";
const LOCKED = "locked@example.com";
const TOTP = "totp@example.com";
const PASSWORD = "password123";

await run({
  "login works and leads to the profile": async (check) => {
    const page = await check.page();
    await page.goto(`${spa}/`);
    await title(page, "A login with nothing to steal");
    await page.getByText("You are not logged in.").waitFor();
    await check.screenshot(page, "spa-home");
    await page.getByRole("link", { name: "Log in" }).click();
    await title(page, "Log in");
    await check.screenshot(page, "spa-login");
    await fillIn(page, USER, PASSWORD);
    await title(page, "Your profile");
    await page.getByText(USER).waitFor();
    await check.screenshot(page, "spa-profile");
    await page.getByRole("link", { name: "Home" }).click();
    await page.getByText("You are logged in.").waitFor();
  },

  "a wrong password is said in words": async (check) => {
    const page = await check.page();
    await page.goto(`${spa}/login`);
    await fillIn(page, USER, "password124");
    await page.getByRole("alert").filter({ hasText: "password is wrong" }).waitFor();
    assert.deepEqual(await page.context().cookies(), []);
    await check.screenshot(page, "spa-wrong-password");
  },

  "a locked account is said in words": async (check) => {
    const page = await check.page();
    await page.goto(`${spa}/login`);
    await fillIn(page, LOCKED, PASSWORD);
    await page.getByRole("alert").filter({ hasText: "This account is locked" }).waitFor();
    assert.deepEqual(await page.context().cookies(), []);
  },

  "the vault asks a login by password for more, and a second factor opens it": async (check) => {
    const page = await check.page();
    await logIn(page, USER);
    const refreshes = requests(page, "POST", "/spa/refresh");
    await page.getByRole("link", { name: "Vault" }).click();
    await page.getByRole("alert").filter({ hasText: "wants a login with a second factor" }).waitFor();
    assert.equal(refreshes.length, 0, "a refresh does not help");
    await check.screenshot(page, "spa-step-up");
    await page.getByRole("button", { name: "Log out" }).click();
    await title(page, "Log in");

    await page.getByLabel("Remember me").check();
    await fillIn(page, TOTP, PASSWORD);
    await until("the code has the focus", () => page.evaluate(() => document.activeElement.id === "code"));
    assert.equal(await page.getByLabel("Email address").inputValue(), TOTP);
    assert.equal(await page.getByLabel("Password").inputValue(), PASSWORD);
    assert.ok(await page.getByLabel("Remember me").isChecked());
    await check.screenshot(page, "spa-second-factor");
    await page.getByLabel("Six-digit code").fill(wrongCode());
    await page.keyboard.press("Enter");
    await page.getByRole("alert").filter({ hasText: "the code is wrong" }).waitFor();
    await check.screenshot(page, "spa-wrong-code");
    const wrong = await page.getByLabel("Six-digit code").inputValue();
    await page.getByRole("button", { name: "Fill in the code" }).click();
    await until("the code is there", async () => (await page.getByLabel("Six-digit code").inputValue()) !== wrong);
    await page.getByRole("main").getByRole("button", { name: "Log in" }).click();

    // Where the visitor wanted to go.
    await title(page, "Vault");
    await page.getByText("The vault is open").waitFor();
    await check.screenshot(page, "spa-vault");
    // With the next token, too.
    await page.reload();
    await page.getByText("The vault is open").waitFor();
  },

  "a session that is remembered lives longer, and the profile says how long": async (check) => {
    for (const [remember, seconds] of [[false, 3600], [true, 14 * 24 * 3600]]) {
      const page = await check.page();
      await page.goto(`${spa}/login`);
      await page.getByLabel("Remember me").setChecked(remember);
      await fillIn(page, USER, PASSWORD);
      await title(page, "Your profile");
      const cookies = await page.context().cookies();
      const { expires } = cookies.find(({ name }) => name === "__Host-spa-refresh");
      const lives = expires - Date.now() / 1000;
      assert.ok(lives > seconds - 60 && lives <= seconds + 1, `${lives} s`);
      const told = await page.getByText("if it is not used any more").textContent();
      // It says the minute.
      const end = Date.parse(told.split(", if ")[0]) / 1000;
      assert.ok(Math.abs(end - expires) < 120, `${told} for ${expires}`);
    }
  },

  "who is logged out is sent to the login and comes back": async (check) => {
    const page = await check.page();
    const calls = requests(page, "GET", "/api/admin");
    await page.goto(`${spa}/admin`);
    await title(page, "Log in");
    assert.equal(new URL(page.url()).pathname, "/login");
    assert.equal(calls.length, 0, "the API was called without a session");
    await fillIn(page, ADMIN, PASSWORD);
    await title(page, "For admins");
    assert.equal(new URL(page.url()).pathname, "/admin");
  },

  "the keyboard is enough to log in": async (check) => {
    const page = await check.page();
    await page.goto(`${spa}/login`);
    // The heading has the focus; the first field comes next.
    await title(page, "Log in");
    await until("the heading has the focus", () => page.evaluate(() => document.activeElement.id === "title"));
    await page.keyboard.press("Tab");
    await page.keyboard.type(USER);
    await page.keyboard.press("Tab");
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press("Enter");
    await title(page, "Your profile");
  },

  "the access token is in no storage and no cookie": async (check) => {
    const page = await check.page();
    const { access_token: token } = await logIn(page, USER);
    assert.equal(token.split(".").length, 3);
    const [local, session, visible] = await page.evaluate(() => [JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie]);
    const cookies = await page.context().cookies([`${spa}/`, `${spa}/spa/refresh`]);
    for (const place of [local, session, visible, JSON.stringify(cookies)]) {
      assert.ok(!place.includes(token.split(".")[2]), "the access token is stored");
    }
    assert.deepEqual([local, session], ["{}", "{}"]);
    const seen = cookies.map(({ name, path, httpOnly, secure, sameSite }) => ({ name, path, httpOnly, secure, sameSite }));
    assert.deepEqual(seen.sort((one, other) => (one.name < other.name ? -1 : 1)), [
      { name: "__Host-spa-csrf", path: "/", httpOnly: false, secure: true, sameSite: "Strict" },
      { name: "__Host-spa-refresh", path: "/", httpOnly: true, secure: true, sameSite: "Strict" },
    ]);
  },

  "a reload keeps the session with one refresh": async (check) => {
    const page = await check.page();
    await logIn(page, USER);
    const refreshes = requests(page, "POST", "/spa/refresh");
    await page.reload();
    await title(page, "Your profile");
    await page.getByText(USER).waitFor();
    assert.equal(refreshes.length, 1);
    // As with a server that sets no cookie for scripts.
    await page.context().clearCookies({ name: "__Host-spa-csrf" });
    await page.reload();
    await title(page, "Your profile");
  },

  "a visitor without a session logs no other tab out": async (check) => {
    const context = await check.context();
    const [one, other] = [await context.newPage(), await context.newPage()];
    await logIn(one, USER);
    await context.clearCookies();
    await other.goto(`${spa}/profile`);
    await title(other, "Log in");
    await one.getByRole("link", { name: "Home" }).click();
    await one.getByText("You are logged in.").waitFor();
  },

  "many calls with an expired token share one refresh": async (check) => {
    const page = await check.page();
    const { expires_in: seconds } = await logIn(page, USER);
    const end = Date.now() + 1000 * seconds;
    await until("the token has expired", () => Date.now() > end, 1000 * seconds + 10_000);
    const seen = [];
    page.on("response", (response) => {
      const { pathname } = new URL(response.url());
      if (["/api/profile", "/spa/refresh"].includes(pathname)) seen.push(`${pathname} ${response.status()}`);
    });
    await page.getByRole("button", { name: "Call it 8 times at once" }).click();
    await page.getByRole("status").filter({ hasText: "8 of 8 calls succeeded" }).waitFor();
    const count = (line) => seen.filter((one) => one === line).length;
    assert.deepEqual([count("/api/profile 401"), count("/spa/refresh 200"), count("/api/profile 200")], [8, 1, 8]);
    assert.equal(seen.length, 17);
    await check.screenshot(page, "spa-shared-refresh");
  },

  "the admin page is for the admin": async (check) => {
    const page = await check.page();
    await logIn(page, USER);
    await page.getByRole("link", { name: "Admin" }).click();
    await page.getByRole("alert").filter({ hasText: "You are no admin" }).waitFor();
    await check.screenshot(page, "spa-no-admin");
    await page.getByRole("button", { name: "Log out" }).click();
    await title(page, "Log in");
    await fillIn(page, ADMIN, PASSWORD);
    await title(page, "For admins");
    assert.equal(await page.getByRole("alert").filter({ hasText: "You are no admin" }).count(), 0);
  },

  "logout clears the cookies, in all tabs": async (check) => {
    const context = await check.context();
    const [one, other] = [await context.newPage(), await context.newPage()];
    await logIn(one, USER);
    await other.goto(`${spa}/profile`);
    await title(other, "Your profile");
    await one.getByRole("button", { name: "Log out" }).click();
    await title(one, "Log in");
    await title(other, "Log in");
    assert.deepEqual(await context.cookies(), []);
    await one.reload();
    await title(one, "Log in");
  },

  "a login in one tab is one in the others": async (check) => {
    const context = await check.context();
    const [one, other] = [await context.newPage(), await context.newPage()];
    await other.goto(`${spa}/admin`);
    await title(other, "Log in");
    await logIn(one, ADMIN);
    await title(other, "For admins");
  },

  "a session that is ended on another device leads to the login": async (check) => {
    const page = await check.page();
    const { session_id: id } = await logIn(page, USER);
    const device = await fetch(`${base}/token/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email: USER, password: PASSWORD }),
    });
    assert.equal(device.status, 200);
    const { access_token: token } = await device.json();
    const ended = await fetch(`${base}/token/sessions/${id}`, { method: "DELETE", headers: { authorization: `Bearer ${token}` } });
    assert.equal(ended.status, 204);
    await page.getByRole("button", { name: "Call it 8 times at once" }).click();
    await title(page, "Log in");
    assert.deepEqual(await page.context().cookies(), []);
  },

  "trouble is said in words and costs no session": async (check) => {
    check.allow(/status of 503/);
    const page = await check.page();
    await logIn(page, USER);
    const away = (route) => route.fulfill({ status: 503, headers: { "retry-after": "7" }, json: { error: "temporarily_unavailable" } });
    await page.route("**/api/profile", away);
    await page.getByRole("link", { name: "Admin" }).click();
    await title(page, "For admins");
    await page.getByRole("link", { name: "Profile" }).click();
    await page.getByRole("alert").filter({ hasText: "Try again in 7 s." }).waitFor();
    await page.unroute("**/api/profile");

    // A reload while the server is away: the app waits for it.
    await page.route("**/spa/refresh", away);
    await page.reload();
    await page.getByRole("status").filter({ hasText: "Looking for your session" }).waitFor();
    await page.unroute("**/spa/refresh");
    await title(page, "Your profile");
  },

  "it fits a narrow screen, dark and light": async (check) => {
    for (const colorScheme of ["light", "dark"]) {
      const page = await check.page({ colorScheme, viewport: { width: 360, height: 740 } });
      await logIn(page, USER);
      await page.getByText(USER).waitFor();
      const [content, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
      assert.ok(content <= screen, `${content} px wide on a screen of ${screen} px`);
      await check.screenshot(page, `spa-narrow-${colorScheme}`);
    }
  },
}, screenshots);

// What the server answered to the login.
async function logIn(page, email) {
  await page.goto(`${spa}/login`);
  await title(page, "Log in");
  const [answer] = await Promise.all([
    page.waitForResponse((response) => response.url() === `${spa}/spa/login`).then((response) => response.json()),
    fillIn(page, email, PASSWORD),
  ]);
  await title(page, "Your profile");
  return answer;
}

async function fillIn(page, email, password) {
  await page.getByLabel("Email address").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("main").getByRole("button", { name: "Log in" }).click();
}

function title(page, name) {
  return page.getByRole("heading", { level: 1, name }).waitFor();
}
