// Takes docs/login.png, the picture of the README: node picture.mjs BASE_URL FILE
import { run } from "./harness.mjs";

const [base, file] = process.argv.slice(2);
if (!file) {
  console.error("usage: node picture.mjs BASE_URL FILE");
  process.exit(2);
}

await run({
  "a picture of the page": async (check) => {
    const page = await check.page({ viewport: { width: 1000, height: 790 } });
    await page.goto(base);
    await page.getByLabel("Email address").fill("user@example.com");
    await page.getByLabel("Password").fill("password123");
    await page.getByRole("button", { name: "Log in", exact: true }).click();
    await page.getByRole("button", { name: "GET /api/profile", exact: true }).click();
    await page.locator("#answers li").waitFor();
    await page.evaluate(() => window.scrollTo(0, 0));
    await page.screenshot({ path: file });
  },
});
