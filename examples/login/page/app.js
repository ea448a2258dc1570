// The page of the login example. In this order: the start, the session, requests, then each card of the page (the token,
// tampering, tabs, devices), and words and elements at the end.

// The session as this tab knows it. Times are milliseconds since 1970, on the clock of this machine.
const session = { open: false, token: "", lifetime: 0, expiresAt: 0, refreshAt: 0, refreshes: 0 };
// The refresh under way, for all who want one.
let refreshing = null;
// The open tabs of this page, to stay in step. No secret is said here.
const tabs = new BroadcastChannel("countersign-login");
// When the last race of all tabs began.
let raceAt = 0;
// The token that is tampered with, as it came.
const PARTS = ["header", "payload", "signature"];
let original = ["", "", ""];

start();

async function start() {
  $("login").addEventListener("submit", (event) => {
    event.preventDefault();
    once(event.submitter ?? $("login").querySelector(".primary"), logIn);
  });
  for (const button of document.querySelectorAll("[data-account]")) {
    button.addEventListener("click", () => fillIn(button.dataset));
  }
  // Another account may have no second factor.
  $("email").addEventListener("input", () => askForCode(false));
  click("play-app", async () => {
    $("code").value = await codeNow($("play-app").dataset.key);
    $("code").focus();
  });
  click("logout", logOut);
  click("logout-all", logOutEverywhere);
  click("refresh", refreshAndTell);
  click("profile", () => callAndShow("GET", "/api/profile"));
  click("admin", () => callAndShow("GET", "/api/admin"));
  click("vault", () => callAndShow("GET", "/api/vault"));
  click("race", raceOfTabs);
  click("race-here", raceHere);
  click("look", showDevices);
  for (const button of document.querySelectorAll("[data-tamper]")) {
    button.addEventListener("click", () => tamper(button.dataset.tamper));
  }
  $("tamper-title").closest("section").addEventListener("input", showChanges);
  click("forge-profile", () => sendForged("/api/profile"));
  click("forge-admin", () => sendForged("/api/admin"));
  tabs.addEventListener("message", (event) => hear(event.data));
  document.addEventListener("visibilitychange", tick);
  // On a phone, the long parts of the page are closed until somebody opens them.
  const narrow = matchMedia("(max-width: 40rem)").matches;
  for (const part of document.querySelectorAll("details")) part.open = !narrow;
  // Whatever gets the focus is scrolled clear of the line that stays in view, which has one row or more.
  new ResizeObserver(([{ target }]) => {
    document.documentElement.style.scrollPaddingTop = `${target.offsetHeight + 12}px`;
  }).observe($("message"));
  setInterval(tick, 250);
  await restore();
}

// After a reload. No script can see the cookies, so only the server can say whether the session goes on.
async function restore() {
  const answer = await enter("The session goes on.");
  if (passes(answer)) {
    tell(trouble(answer), "bad");
    setTimeout(restore, 1000 * retryAfter(answer));
  } else if (answer.status !== 200) {
    show(false);
  }
}

async function logIn() {
  for (const id of ["login-error", "message"]) {
    $(id).textContent = "";
  }
  const withCode = !$("second-factor").hidden;
  const login = {
    email: $("email").value.trim(),
    password: $("password").value,
    remember: $("remember").checked,
    ...(withCode && { code: $("code").value.replaceAll(" ", "") }),
  };
  const answer = await request("POST", "/session/login", json(login));
  if (answer.body?.error === "second_factor") {
    askForCode(true);
    tell("The password is right. Now the code of your authenticator app.", "good");
  } else if (answer.status !== 200) {
    $("login-error").textContent = loginTrouble(answer, withCode);
    $(withCode ? "code" : "password").select();
  } else {
    $("login").reset();
    askForCode(false);
    alive(answer.body.expires_in);
    const entered = await enter("You are logged in.");
    if (session.open) {
      tabs.postMessage({ what: "entered" });
      $("title").focus();
    } else {
      $("login-error").textContent = hasNoSession(entered)
        ? "This browser did not keep the cookies. It may want HTTPS for them, on this machine too."
        : trouble(entered);
    }
  }
}

// The second step of a login. What was typed in the first one stays, and goes to the server once more.
function askForCode(wanted) {
  $("second-factor").hidden = !wanted;
  $("code").required = wanted;
  $("code").value = "";
  if (wanted) $("code").focus();
}

function loginTrouble(answer, withCode) {
  if (answer.body?.error === "locked") return "This account is locked. Ask whoever runs this server.";
  if (answer.status !== 401) return trouble(answer);
  return withCode
    ? "The email address, the password or the code is wrong. A code works once, and there is a new one every 30 seconds."
    : "The email address or the password is wrong.";
}

// The answer to a refresh without a cookie.
function hasNoSession({ status, body }) {
  return status === 400 && body?.error === "invalid_request";
}

async function enter(words) {
  const profile = (await call("GET", "/api/profile")).at(-1);
  if (profile.status !== 200) return profile;
  session.open = true;
  await readToken();
  if (!session.open) return profile;
  const { email, role } = profile.body;
  $("who").textContent = `${email}, role ${role}`;
  $("title").textContent = `Hello, ${email}`;
  for (const id of ["answers", "refusal", "raced"]) {
    $(id).replaceChildren();
  }
  show(true);
  tamper("reset");
  tell(words, "good");
  await showDevices();
  return profile;
}

async function logOut() {
  await leave(() => request("POST", "/session/logout"), "You are logged out.");
}

async function logOutEverywhere() {
  await leave(async () => (await call("POST", "/session/logout-all")).at(-1), "You are logged out on all devices.");
}

async function leave(ask, words) {
  // A refresh beside it would set cookies again.
  await refreshing;
  hold();
  const answer = await ask();
  if (answer.status === 204) {
    tabs.postMessage({ what: "left" });
    close(words, "good");
  } else if (session.open) {
    session.refreshAt = Date.now() + 1000 * retryAfter(answer);
    tell(trouble(answer), "bad");
  }
}

// No request: the cookies are gone already, or worth nothing.
function close(words, tone) {
  if (!session.open && !$("signed-out").hidden) return;
  Object.assign(session, { open: false, token: "", expiresAt: 0, refreshAt: 0, refreshes: 0 });
  $("who").textContent = "Not logged in";
  for (const id of ["encoded", "decoded-header", "decoded-payload", "decoded-signature", "answers", "refusal", "devices"]) {
    $(id).replaceChildren();
  }
  show(false);
  tell(words, tone);
  $("email").focus();
}

// One refresh for all who ask, and one tab after the other.
function refresh() {
  refreshing ??= navigator.locks.request("countersign-login", refreshOnce).finally(() => { refreshing = null; });
  return refreshing;
}

async function refreshOnce() {
  const answer = await request("POST", "/session/refresh");
  if (answer.status === 200) {
    alive(answer.body.expires_in);
    session.refreshes += 1;
    tabs.postMessage({ what: "refreshed", seconds: answer.body.expires_in });
    note("Refreshed: a new access token and a new refresh token.");
    if (session.open) await readToken();
  } else if (answer.status === 400 || answer.status === 401) {
    // A visitor who never had a session has not lost one.
    if (session.open || !hasNoSession(answer)) {
      tabs.postMessage({ what: "left" });
      close("Your session has ended. Log in again.", "bad");
    }
  } else {
    session.refreshAt = Date.now() + 1000 * retryAfter(answer);
    tell(`${trouble(answer)} You stay logged in.`, "bad");
  }
  return answer;
}

async function refreshAndTell() {
  if ((await refresh()).status === 200) {
    tell("You have a new access token and a new refresh token.", "good");
  }
}

function alive(seconds) {
  const now = Date.now();
  session.lifetime = 1000 * seconds;
  session.expiresAt = now + session.lifetime;
  session.refreshAt = now + 0.8 * session.lifetime;
}

// No refresh by itself for now.
function hold() {
  session.refreshAt = Date.now() + session.lifetime;
}

function tick() {
  if (!session.open) return;
  showLife();
  if ($("auto").checked && document.visibilityState === "visible" && Date.now() >= session.refreshAt) {
    refresh();
  }
}

// What came back, or status 0 when nothing did. It never throws.
async function request(method, path, options = {}) {
  const answer = { method, path, status: 0, reason: "no answer", headers: new Headers(), body: null };
  try {
    // Each POST says JSON, also without a body: the session routes take nothing that a form can send.
    const headers = method === "POST" ? { "content-type": "application/json" } : {};
    const response = await fetch(path, { method, headers, cache: "no-store", ...options });
    Object.assign(answer, { status: response.status, reason: response.statusText, headers: response.headers });
    answer.body = parsed(await response.text());
  } catch {
    // Said in words by whoever asked.
  }
  return answer;
}

// A request that survives the end of the access token: on 401 one refresh, and one more try. All answers, the last one counts.
async function call(method, path) {
  const before = session.refreshes;
  const answers = [await request(method, path)];
  if (answers[0].status !== 401 || wantsMore(answers[0])) return answers;
  // While this request was under way another one, or another tab, may have refreshed.
  if (session.refreshes === before) {
    answers.push(await refresh());
    if (answers[1].status !== 200) return answers;
  }
  answers.push(await request(method, path));
  return answers;
}

// The token is good. The user has to prove more, and no refresh changes that (RFC 9470 section 3).
function wantsMore({ status, body }) {
  return status === 401 && body?.error === "insufficient_user_authentication";
}

async function callAndShow(method, path) {
  showAnswers("answers", await call(method, path));
}

function json(value) {
  return { body: JSON.stringify(value) };
}

// What went wrong, for a person.
function trouble(answer) {
  const { status, body } = answer;
  if (status === 0) return "The server does not answer. It is down, or this machine is offline.";
  if (status === 429) return `Too many attempts. Try again in ${inWords(retryAfter(answer))}.`;
  if (status === 503) return `The server cannot do this right now. Try again in ${inWords(retryAfter(answer))}.`;
  const details = body?.detail ?? body?.error_description ?? body?.error ?? answer.reason;
  return `The server refused: ${details} (${status}).`;
}

// Trouble that has nothing to do with who asks.
function passes({ status }) {
  return status === 0 || status === 429 || status >= 500;
}

// In seconds.
function retryAfter(answer) {
  return Number.parseInt(answer.headers.get("retry-after"), 10) || 5;
}

function showAnswers(id, answers, sender = "") {
  $(id).replaceChildren(...answers.map(answerItem));
  const { method, path, status, reason } = answers.at(-1);
  if (session.open) {
    tell(`${method} ${path}${sender}: ${status || ""} ${reason}`, status === 200 ? "good" : "bad");
  }
}

function answerItem(answer) {
  const { method, path, status, reason, headers, body } = answer;
  const names = ["WWW-Authenticate", "Retry-After", "Content-Type"].filter((name) => headers.has(name));
  const rows = names.flatMap((name) => [make("dt", {}, name), make("dd", {}, headers.get(name))]);
  const text = typeof body === "string" ? body : JSON.stringify(body, null, 2);
  return make("li", { className: status >= 200 && status < 300 ? "" : "refused" },
    make("p", { className: "line" }, make("code", {}, `${method} ${path}`), make("span", { className: "status" }, `${status || ""} ${reason}`)),
    ...(status === 0 ? [make("p", {}, trouble(answer))] : []),
    ...(wantsMore(answer) ? [make("p", {}, "This wants a login with a second factor. Log out, and log in as totp@example.com.")] : []),
    ...(rows.length ? [make("dl", {}, ...rows)] : []),
    ...(body === null ? [] : [make("pre", {}, text)]));
}

async function readToken() {
  const answer = await request("GET", "/api/token");
  if (answer.status !== 200) return;
  session.token = answer.body.token;
  const [header, payload, signature] = session.token.split(".");
  const claims = parsed(decoded(payload)) ?? {};
  if (session.expiresAt === 0) {
    alive(claims.exp - claims.iat);
    session.expiresAt = 1000 * claims.exp;
    session.refreshAt = session.expiresAt - 0.2 * session.lifetime;
  }
  $("encoded").replaceChildren(
    make("span", { className: "part-header" }, header), ".",
    make("span", { className: "part-payload" }, payload), ".",
    make("span", { className: "part-signature" }, signature));
  $("decoded-header").textContent = pretty(header);
  $("decoded-payload").replaceChildren(...Object.entries(claims).map(claimRow));
  const { alg } = parsed(decoded(header)) ?? {};
  $("decoded-signature").textContent = `${bytes(signature).length} bytes, ${alg}. Only a holder of the key can make it.`;
  $("visible-cookies").textContent = document.cookie || "nothing";
  showLife();
  await readEnd();
}

// Each refresh moves the end of the session.
async function readEnd() {
  const { body } = await request("GET", "/session/sessions");
  const here = body?.sessions?.find(({ current }) => current);
  if (here) $("ends").textContent = dateTime(here.expires_at);
}

function claimRow([name, value]) {
  const cell = make("td", {}, typeof value === "string" ? value : JSON.stringify(value));
  if (["exp", "iat", "nbf", "auth_time"].includes(name) && typeof value === "number") {
    const words = make("span", {}, fromNow(value));
    words.dataset.at = value;
    cell.append(words);
  }
  return make("tr", {}, make("th", { scope: "row" }, name), cell);
}

function showLife() {
  const left = session.expiresAt - Date.now();
  $("countdown").textContent = left > 0 ? `Expires in ${inWords(left / 1000)}` : `Expired ${inWords(-left / 1000)} ago`;
  $("countdown").classList.toggle("over", left <= 0);
  for (const words of document.querySelectorAll("[data-at]")) {
    words.textContent = fromNow(words.dataset.at);
  }
  $("life").max = session.lifetime;
  $("life").value = Math.max(0, left);
  const until = Math.max(0, session.refreshAt - Date.now());
  const next = $("auto").checked ? `next refresh in ${inWords(until / 1000)}` : "no refresh until a call needs it";
  $("next-refresh").textContent = `${next} (${session.refreshes} so far)`;
}

function tamper(how) {
  const [header, payload, signature] = PARTS.map((part) => $(`forged-${part}`));
  const edit = (field, change) => {
    const value = parsed(field.value);
    if (value === null || typeof value !== "object") {
      return tell("That part is no JSON any more. Take the current token first.", "bad");
    }
    change(value);
    field.value = JSON.stringify(value, null, 2);
  };
  switch (how) {
    case "role":
      edit(payload, (claims) => { claims.role = claims.role === "admin" ? "user" : "admin"; });
      break;
    case "exp":
      edit(payload, (claims) => { claims.exp += 365 * 24 * 3600; });
      break;
    case "none":
      // The signature stays: without one, the refusal would be about its absence, not about the algorithm.
      edit(header, (fields) => { fields.alg = "none"; });
      break;
    case "flip":
      signature.value = (signature.value.startsWith("A") ? "B" : "A") + signature.value.slice(1);
      break;
    default:
      // Three empty parts when there is no token.
      original = (session.token || "..").split(".");
      [header.value, payload.value, signature.value] = shownParts();
  }
  showChanges();
}

async function sendForged(path) {
  const shown = shownParts();
  // A part that was not edited goes as it came, to the byte.
  const token = PARTS.map((part, at) => {
    const text = $(`forged-${part}`).value;
    if (text === shown[at]) return original[at];
    return part === "signature" ? text.trim() : encoded(text);
  }).join(".");
  const authorization = `Bearer ${token}`;
  // A header takes Latin letters only.
  if (!/^[\x21-\x7e ]+$/.test(authorization)) {
    return tell("A signature has only letters, digits, - and _.", "bad");
  }
  const credentials = $("with-cookies").checked ? "same-origin" : "omit";
  showAnswers("refusal", [await request("GET", path, { headers: { authorization }, credentials })], " with this bearer token");
}

function showChanges() {
  const shown = shownParts();
  PARTS.forEach((part, at) => {
    const field = $(`forged-${part}`);
    const same = field.value === shown[at];
    field.rows = field.value.split("\n").length;
    document.querySelector(`label[for="forged-${part}"] .changed`).textContent = same ? "" : "(changed)";
  });
}

function shownParts() {
  const [header, payload, signature] = original;
  return [pretty(header), pretty(payload), signature];
}

function hear(message) {
  switch (message.what) {
    case "entered":
      restore();
      break;
    case "refreshed":
      if (session.open) {
        alive(message.seconds);
        session.refreshes += 1;
        note("Another tab refreshed: this tab has the new token too.");
        readToken();
      }
      break;
    case "left":
      close("Logged out in another tab.", "bad");
      break;
    case "race":
      if (session.open) race(1, message.at).then((result) => tabs.postMessage({ what: "raced", at: message.at, ...result }));
      break;
    case "raced":
      if (message.at === raceAt) showRaced("Another tab", message);
      break;
  }
}

async function raceHere() {
  $("raced").replaceChildren();
  showRaced("This tab", await race(5));
}

async function raceOfTabs() {
  // Far enough ahead for all tabs to hear of it.
  raceAt = Date.now() + 100;
  $("raced").replaceChildren();
  tabs.postMessage({ what: "race", at: raceAt });
  showRaced("This tab", await race(1, raceAt));
}

// So many refreshes, none waiting for another, at that time.
async function race(count, at = 0) {
  await refreshing;
  hold();
  // A timer would come a second late in a tab that is not shown.
  while (Date.now() < at);
  const answers = await Promise.all(Array.from({ length: count }, refreshAtOnce));
  const won = answers.filter((answer) => answer.status === 200);
  if (won.length > 0) {
    alive(won[0].body.expires_in);
    session.refreshes += won.length;
    await readToken();
  } else if (answers.some((answer) => answer.status === 400)) {
    close("Your session has ended. Log in again.", "bad");
  } else {
    session.refreshAt = Date.now() + 1000 * retryAfter(answers[0]);
  }
  return { good: won.length, all: count };
}

// A 503 asks to come again: another request of this race may have been so much faster that the cookie of this one is out of date.
async function refreshAtOnce() {
  const answer = await request("POST", "/session/refresh");
  if (answer.status !== 503) return answer;
  await new Promise((done) => setTimeout(done, 1000 * retryAfter(answer)));
  return request("POST", "/session/refresh");
}

function showRaced(who, { good, all }) {
  const words = `${who}: ${good} of ${all} succeeded, ${good > 0 ? "still logged in" : "no new token"}.`;
  $("raced").append(make("li", { className: good === all ? "good" : "bad" }, words));
  tell(words, good === all ? "good" : "bad");
}

async function showDevices() {
  const answer = (await call("GET", "/session/sessions")).at(-1);
  if (!session.open) return;
  if (answer.status !== 200) {
    return tell(trouble(answer), "bad");
  }
  const found = answer.body.sessions.toSorted((one, other) => other.current - one.current || other.last_used_at - one.last_used_at);
  $("devices").replaceChildren(...found.map(deviceItem));
}

function deviceItem({ id, label, created_at, last_used_at, expires_at, current }) {
  const name = device(label);
  const button = make("button", { type: "button", ariaLabel: `End the session on ${name}${current ? ", this device" : ""}` }, "End");
  button.addEventListener("click", () => once(button, () => (current ? logOut() : endDevice(id, name))));
  return make("li", {},
    make("div", {},
      make("p", { title: label ?? "" }, `${name} `, ...(current ? [make("span", { className: "badge" }, "this device")] : [])),
      make("p", { className: "small" }, `Logged in ${dateTime(created_at)}, last used ${dateTime(last_used_at)}, ends by ${dateTime(expires_at)}`)),
    button);
}

async function endDevice(id, name) {
  const answer = (await call("DELETE", `/session/sessions/${encodeURIComponent(id)}`)).at(-1);
  if (!session.open) return;
  if (answer.status === 204 || answer.status === 404) {
    tell(`The session on ${name} has ended.`, "good");
    await showDevices();
    $("look").focus();
  } else {
    tell(trouble(answer), "bad");
  }
}

// Browser and system from a User-Agent, or its beginning when it is no browser.
function device(label) {
  if (!label) return "an unnamed device";
  const find = (pairs) => pairs.find(([pattern]) => pattern.test(label))?.[1];
  const browser = find([[/Edg\//, "Edge"], [/OPR\//, "Opera"], [/Firefox\//, "Firefox"], [/Chrom(e|ium)\//, "Chrome"], [/Safari\//, "Safari"]]);
  const system = find([[/Android/, "Android"], [/iPhone|iPad/, "iOS"], [/Windows/, "Windows"], [/Mac OS X/, "macOS"], [/CrOS/, "ChromeOS"], [/Linux/, "Linux"]]);
  return browser && system ? `${browser} on ${system}` : label.slice(0, 60);
}

function show(signedIn) {
  $("signed-in").hidden = !signedIn;
  $("signed-out").hidden = signedIn;
}

// For everybody, screen readers too; it also goes to the log.
function tell(words, tone) {
  $("message").textContent = words;
  $("message").className = tone;
  note(words, tone);
}

function note(words, tone = "") {
  const time = make("time", {}, new Date().toLocaleTimeString("en-GB"));
  $("log").prepend(make("li", {}, time, make("span", { className: tone }, words)));
  while ($("log").childElementCount > 100) {
    $("log").lastChild.remove();
  }
}

function inWords(seconds) {
  const whole = Math.ceil(seconds);
  // The number and its unit stay on one line.
  if (whole < 120) return `${whole}\u00a0s`;
  return whole < 7200 ? `${Math.round(whole / 60)}\u00a0min` : `${Math.round(whole / 3600)}\u00a0h`;
}

function fromNow(seconds) {
  const left = seconds - Date.now() / 1000;
  return `${dateTime(seconds, "medium")}, ${left > 0 ? `in ${inWords(left)}` : `${inWords(-left)} ago`}`;
}

function dateTime(seconds, timeStyle = "short") {
  return new Date(1000 * seconds).toLocaleString("en-GB", { dateStyle: "medium", timeStyle });
}

function fillIn({ account, password }) {
  $("email").value = account;
  $("password").value = password;
  askForCode(false);
  $("login-error").textContent = "";
  $("login").querySelector(".primary").focus();
}

function click(id, act) {
  $(id).addEventListener("click", () => once($(id), act));
}

// A second click while the first is under way does nothing.
async function once(button, act) {
  if (button.ariaBusy === "true") return;
  button.ariaBusy = "true";
  try {
    await act();
  } finally {
    button.ariaBusy = "false";
  }
}

function $(id) {
  return document.getElementById(id);
}

// Text goes in as text: nothing here is ever read as HTML.
function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text || null;
  }
}

function pretty(part) {
  const value = parsed(decoded(part)) ?? "";
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

function decoded(part) {
  return new TextDecoder().decode(bytes(part));
}

function bytes(part) {
  return Uint8Array.from(atob(part.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
}

// What an authenticator app does (RFC 6238), so that nobody needs one to try this page. The page of a real app never has the key.
async function codeNow(base32) {
  const bits = Array.from(base32, (letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  const secret = Uint8Array.from(bits.match(/.{8}/g), (octet) => Number.parseInt(octet, 2));
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-1" }, false, ["sign"]);
  const step = new DataView(new ArrayBuffer(8));
  step.setBigUint64(0, BigInt(Math.floor(Date.now() / 30_000)));
  const mac = new DataView(await crypto.subtle.sign("HMAC", key, step));
  const number = mac.getUint32(mac.getUint8(19) & 15) & 0x7fff_ffff;
  return String(number % 1_000_000).padStart(6, "0");
}

function encoded(text) {
  const binary = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
