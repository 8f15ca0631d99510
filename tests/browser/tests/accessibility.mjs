// Every page by the rules of WCAG 2.2 AA as far as a program can tell (axe-core), light, dark and narrow.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

const LOOKS = {
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  narrow: { colorScheme: "light", viewport: { width: 320, height: 640 }, reducedMotion: "reduce" },
};

/** What anybody may look at. */
const OPEN = [
  "/sign-in", "/sign-up", "/verify-email?token=zv_x", "/verify-email", "/verify-email/resend", "/verify-email/sent",
  "/forgot-password", "/reset?token=zp_x", "/sign-in/link", "/magic?token=zm_x", "/revert-email?token=x", "/end-sessions?token=x", "/no/such/page",
];
/** What one must be signed in for. */
const GUARDED = [
  "/account", "/account/sessions", "/account/security", "/account/security/password", "/account/security/email",
  "/account/security/passkeys/new", "/account/confirm", "/organisations/new", "/sign-out",
];

export async function check(page) {
  // By the debugger, which the page's policy does not concern.
  await page.evaluate(axe);
  const { violations } = await page.evaluate((values) => globalThis.axe.run(document, { runOnly: { type: "tag", values } }), rules);
  const told = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(" ")}`);
  assert.deepEqual(told, [], `${page.url()} breaks rules`);
  const [inner, scroll] = await page.evaluate(() => [innerWidth, document.documentElement.scrollWidth]);
  assert.ok(scroll <= inner, `${page.url()} is ${scroll} wide in a window of ${inner}`);
}

const name = (path) => path.split("?")[0].slice(1).replaceAll("/", "-");

async function look(site, kind, paths, prepare) {
  for (const language of ["en", "de"]) {
    const page = await site.window({ ...LOOKS[kind], language });
    await prepare?.(page);
    for (const path of paths) {
      await page.goto(`${path}${path.includes("?") ? "&" : "?"}lang=${language}`);
      await check(page);
      await site.shot(page, `${name(path)}-${kind}-${language}`);
    }
  }
}

const tests = Object.keys(LOOKS).flatMap((kind) => [
  [`what anybody sees, ${kind}`, (site) => look(site, kind, OPEN)],
  [`what one sees signed in, ${kind}`, async (site) => {
    const person = await site.person();
    const { access_token: token } = await site.post("/auth/login", person);
    const slug = `a-${process.pid}-${kind}`;
    await site.post("/tenants", { name: "Analytical Engines", slug }, token);
    await look(site, kind, GUARDED, (page) => site.signIn(page, person));
  }],
  [`a form with mistakes, ${kind}`, async (site) => {
    const page = await site.window(LOOKS[kind]);
    await page.goto("/sign-up");
    await site.send(page, { "Mail address": "ada@example.org", Password: "short" }, "Create account");
    await check(page);
  }],
]);

export const accessibility = Object.fromEntries(tests);
