// What both scripts share: the browser, the list of checks, and a watch on the console.
import { createHmac } from "node:crypto";
import { accessSync, constants, mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";

import { chromium } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
// Chromium writes these by itself for every answer that says no. Refusals are what is tested here.
const REFUSAL = /^Failed to load resource: the server responded with a status of 4\d\d /;
const PATIENCE = 15_000;

// Runs the checks one after the other, each in browser contexts of its own, and prints a line for each. The process ends
// with 1 when one failed. A check is called with a `Check`. `options` are more of Playwright's own for the browser.
export async function run(checks, screenshots, options = {}) {
  if (screenshots) mkdirSync(screenshots, { recursive: true });
  const browser = await chromium.launch({ executablePath: installed(), args: ["--headless", "--no-sandbox"], ...options });
  const complaints = [];
  let failed = 0;
  const report = async (name, act) => {
    try {
      await act();
      console.log(`ok ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`not ok ${name}: ${oneLine(error)}`);
    }
  };
  try {
    for (const [name, act] of Object.entries(checks)) {
      const check = new Check(browser, name, screenshots, complaints);
      await report(name, () => act(check));
      await check.end();
    }
    await report("the console stays clean in the whole run", () => {
      if (complaints.length > 0) throw new Error(complaints.join(" | "));
    });
  } finally {
    await browser.close();
  }
  process.exitCode = failed > 0 ? 1 : 0;
}

class Check {
  #contexts = [];
  #allowed = [REFUSAL];

  constructor(browser, name, screenshots, complaints) {
    Object.assign(this, { browser, name, screenshots, complaints });
  }

  // A browser of its own: no cookies, nothing stored.
  async context(options = {}) {
    const context = await this.browser.newContext(options);
    context.setDefaultTimeout(PATIENCE);
    context.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") this.#complain(message.text());
    });
    context.on("weberror", (error) => this.#complain(String(error.error())));
    this.#contexts.push(context);
    return context;
  }

  async page(options) {
    return (await this.context(options)).newPage();
  }

  // This check makes the browser complain on purpose.
  allow(pattern) {
    this.#allowed.push(pattern);
  }

  async screenshot(page, name) {
    if (!this.screenshots) return;
    // From the top, where the line that stays in view has its place.
    await page.evaluate(() => window.scrollTo(0, 0));
    await page.screenshot({ path: join(this.screenshots, `${name}.png`), fullPage: true });
  }

  async end() {
    await Promise.all(this.#contexts.map((context) => context.close()));
  }

  #complain(text) {
    if (!this.#allowed.some((pattern) => pattern.test(text))) {
      this.complaints.push(`${this.name}: ${text}`);
    }
  }
}

// The requests of a page with this method and path, from now on.
export function requests(page, method, path) {
  const seen = [];
  page.on("request", (request) => {
    if (request.method() === method && new URL(request.url()).pathname === path) seen.push(request);
  });
  return seen;
}

// What goes over the wire, by request. Playwright does not tell it where the answer is kept from the script.
export async function watchWire(page) {
  const wire = new Map();
  const devtools = await page.context().newCDPSession(page);
  const add = (id, facts) => wire.set(id, { ...wire.get(id), ...facts });
  devtools.on("Network.requestWillBeSent", ({ requestId, request }) => add(requestId, { line: `${request.method} ${request.url}` }));
  devtools.on("Network.requestWillBeSentExtraInfo", ({ requestId, headers }) => add(requestId, { sent: headers }));
  devtools.on("Network.responseReceivedExtraInfo", ({ requestId, statusCode, headers }) => add(requestId, { status: statusCode, received: headers }));
  await devtools.send("Network.enable");
  return wire;
}

// Waits until it holds, for this many milliseconds.
export async function until(what, holds, patience = PATIENCE) {
  const end = Date.now() + patience;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
}

// A code that no authenticator app of the demo account shows at this time (RFC 6238).
export function wrongCode() {
  const step = Math.floor(Date.now() / 30_000);
  const near = [-2, -1, 0, 1, 2].map((later) => codeOf(step + later));
  return ["000000", "000001", "000002", "000003", "000004", "000005"].find((code) => !near.includes(code));
}

function codeOf(step) {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac("sha1", "12345678901234567890").update(counter).digest();
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fff_ffff) % 1_000_000).padStart(6, "0");
}

function installed() {
  if (process.env.COUNTERSIGN_CHROMIUM) return process.env.COUNTERSIGN_CHROMIUM;
  const folders = (process.env.PATH ?? "").split(delimiter);
  for (const path of NAMES.flatMap((name) => folders.map((folder) => join(folder, name)))) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // The next one.
    }
  }
  console.error(`no browser: none of ${NAMES.join(", ")} is on PATH; say where it is with COUNTERSIGN_CHROMIUM`);
  process.exit(2);
}

// Without the colours that Playwright puts into its messages.
function oneLine(error) {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\u001b\[\d+m/g, "").split("\n").map((line) => line.trim()).filter(Boolean).slice(0, 6).join(" ");
}
