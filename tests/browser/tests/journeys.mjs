// What people do, from beginning to end; each with scripts, and without.

import assert from "node:assert/strict";

import { code } from "../lib/totp.mjs";

const heading = (page) => page.getByRole("heading", { level: 1 }).textContent();

/** Sign up, read the mail, confirm, sign in, see the account, create an organisation, reach it, leave. */
async function newcomer(site, scripts) {
  const person = site.stranger();
  const page = await site.window({ scripts });
  await page.goto("/");
  assert.equal(await heading(page), "Sign in");
  await page.getByRole("link", { name: "Create an account" }).click();
  await site.send(page, { "Mail address": person.email, Password: person.password, "First name (optional)": "Ada" }, "Create account");
  assert.equal(await heading(page), "Check your mail");
  const [mail] = await site.mails(person, 1);
  await page.goto(mail.links[0]);
  await site.send(page, {}, "Confirm the address");
  assert.match(await page.getByRole("status").textContent(), /Your address is confirmed/);
  await site.send(page, { "Mail address": person.email, Password: person.password }, "Sign in");
  assert.equal(await heading(page), "Your account");
  assert.ok(await page.getByText(person.email).isVisible());
  await page.getByRole("link", { name: "Create an organisation" }).click();
  const slug = `b-${process.pid}-${scripts ? 1 : 2}`;
  await site.send(page, { Name: "Analytical Engines", "Short name": slug }, "Create organisation");
  const link = page.getByRole("link", { name: "Analytical Engines" });
  assert.equal(await link.getAttribute("href"), `http://${slug}.app.localhost:${site.port}/`);
  await link.click();
  assert.equal(await heading(page), `Sign in to ${slug}`);
  await site.send(page, { "Mail address": person.email, Password: person.password }, "Sign in");
  assert.equal(new URL(page.url()).hostname, `${slug}.app.localhost`);
  await page.getByRole("button", { name: "Sign out" }).click();
  assert.match(await page.getByRole("status").textContent(), /signed out/);
}

/** Come back with a browser that remembers, look at the sessions, end another one. */
async function returning(site, scripts) {
  const person = await site.person();
  const page = await site.window({ scripts });
  await site.signIn(page, person);
  const elsewhere = await site.window({ scripts });
  await site.signIn(elsewhere, person);
  await page.goto("/");
  assert.equal(await heading(page), "Your account");
  await page.getByRole("link", { name: "Sessions" }).click();
  assert.equal(await page.getByRole("button", { name: "End", exact: true }).count(), 1);
  await page.getByRole("button", { name: "End", exact: true }).click();
  assert.match(await page.getByRole("status").textContent(), /session was ended/);
  await elsewhere.goto("/account");
  assert.equal(await heading(elsewhere), "Sign in");
}

/** Forget the password, set another by mail, sign in with it. */
async function reset(site, scripts) {
  const person = await site.person();
  const page = await site.window({ scripts });
  await page.goto("/sign-in");
  await page.getByRole("link", { name: "Forgot the password?" }).click();
  await site.send(page, { "Mail address": person.email }, "Send the mail");
  assert.equal(await heading(page), "Check your mail");
  await page.goto(await site.link(person, "/reset"));
  const password = `${person.password} again`;
  await site.send(page, { "New password": password }, "Set a new password");
  assert.match(await page.getByRole("status").textContent(), /new password holds/);
  await site.send(page, { "Mail address": person.email, Password: password }, "Sign in");
  assert.equal(await heading(page), "Your account");
}

/** Without a password. */
async function link(site, scripts) {
  const person = await site.person();
  const page = await site.window({ scripts });
  await page.goto("/sign-in");
  await page.getByRole("link", { name: "Sign in by a mailed link" }).click();
  await site.send(page, { "Mail address": person.email }, "Send the mail");
  await page.goto(await site.link(person, "/magic"));
  await site.send(page, {}, "Sign in");
  assert.equal(await heading(page), "Your account");
}

/** Be invited, join with a new account, and see the organisation; then be invited to another, and join signed in. */
async function invitation(site, scripts) {
  const [first, second] = [await site.organisation("Analytical Engines"), await site.organisation("Difference Engines")];
  const person = site.stranger();
  const page = await site.window({ scripts });
  await first.invite(person);
  await page.goto(await site.link(person, "/invitation"));
  assert.equal(await heading(page), "Join an organisation");
  assert.ok(await page.getByText("Analytical Engines").isVisible());
  await site.shot(page, "invitation");
  await site.send(page, { Password: "password1234" }, "Create account and join");
  assert.equal(await page.getByLabel("Password", { exact: true }).getAttribute("aria-invalid"), "true");
  await site.send(page, { Password: person.password, "First name (optional)": "Ada" }, "Create account and join");
  assert.match(await page.getByRole("status").textContent(), /you are a member/);
  await site.send(page, { "Mail address": person.email, Password: person.password }, "Sign in");
  assert.ok(await page.getByRole("link", { name: "Analytical Engines" }).isVisible());
  await second.invite(person);
  await site.mails(person, 2);
  await page.goto(await site.link(person, "/invitation"));
  await page.getByRole("link", { name: "Deutsch" }).click();
  assert.equal(await heading(page), "Einer Organisation beitreten");
  await page.getByRole("link", { name: "English" }).click();
  await site.send(page, {}, "Accept the invitation");
  assert.ok(await page.getByRole("link", { name: "Difference Engines" }).isVisible());
}

/** Set an authenticator app up, sign out, sign in with it, and with a backup code. */
async function secondFactor(site, scripts) {
  const person = await site.person();
  const page = await site.window({ scripts });
  await site.signIn(page, person);
  await page.getByRole("link", { name: "Security" }).click();
  await site.shot(page, "security");
  await site.send(page, {}, "Set up an authenticator app");
  await site.shot(page, "app");
  const secret = await page.locator("code").textContent();
  const image = page.getByRole("img", { name: /QR code/ });
  assert.ok((await image.boundingBox()).width >= 200);
  await site.send(page, { Code: "000000" }, "Confirm");
  assert.match(await page.getByRole("alert").textContent(), /code is wrong/);
  await site.send(page, { Code: code(secret, -1) }, "Confirm");
  assert.equal(await heading(page), "Backup codes");
  const codes = await page.getByRole("listitem").allTextContents();
  assert.equal(codes.length, 10);
  await site.shot(page, "codes");
  await page.getByRole("button", { name: "Sign out" }).click();
  await site.send(page, { "Mail address": person.email, Password: person.password }, "Sign in");
  assert.equal(await heading(page), "Second factor");
  await site.shot(page, "second-factor");
  await site.send(page, { Code: code(secret) }, "Continue");
  assert.equal(await heading(page), "Your account");
  await page.getByRole("button", { name: "Sign out" }).click();
  await site.send(page, { "Mail address": person.email, Password: person.password }, "Sign in");
  await page.getByRole("link", { name: "A backup code" }).click();
  await site.send(page, { Code: codes[0] }, "Continue");
  assert.equal(await heading(page), "Your account");
}

/** What went wrong stands where it went wrong, and what was typed is still there. */
async function mistakes(site, scripts) {
  const person = site.stranger();
  const page = await site.window({ scripts });
  await page.goto("/sign-up");
  await site.send(page, { "Mail address": person.email, Password: "password1234" }, "Create account");
  assert.equal(await page.getByRole("alert").textContent().then((text) => text.trim()), "Please choose a stronger password.");
  const password = page.getByLabel("Password", { exact: true });
  assert.equal(await password.getAttribute("aria-invalid"), "true");
  assert.match(await page.locator(`#${(await password.getAttribute("aria-describedby")).split(" ")[0]}`).textContent(), /\S/);
  assert.equal(await page.getByLabel("Mail address").inputValue(), person.email);
  assert.equal(await password.inputValue(), "");
  assert.match(await page.title(), /^Error: /);
  await site.shot(page, "mistake");
}

/** In German, by the browser's wish; in English, by one's own. */
async function languages(site, scripts) {
  const page = await site.window({ scripts, language: "de-AT" });
  await page.goto("/sign-in");
  assert.equal(await heading(page), "Anmelden");
  assert.equal(await page.locator("html").getAttribute("lang"), "de");
  await page.getByRole("link", { name: "English" }).click();
  assert.equal(await heading(page), "Sign in");
  await page.goto("/sign-up");
  assert.equal(await heading(page), "Create an account");
}

const both = (name, journey) => ({
  [`${name}, with scripts`]: (site) => journey(site, true),
  [`${name}, without`]: (site) => journey(site, false),
});

export const journeys = {
  ...both("a newcomer", newcomer),
  ...both("returning", returning),
  ...both("a new password", reset),
  ...both("a mailed link", link),
  ...both("an invitation", invitation),
  ...both("a second factor", secondFactor),
  ...both("mistakes", mistakes),
  ...both("languages", languages),

  async "by the keyboard alone"(site) {
    const person = await site.person();
    const page = await site.window();
    await page.goto("/sign-in");
    const focused = () => page.evaluate(() => document.activeElement.textContent || document.activeElement.id);
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "Skip to the content");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "email");
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.notEqual(outline, "none", "the focus does not show");
    await page.keyboard.type(person.email);
    await page.keyboard.press("Tab");
    await page.keyboard.type(person.password);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/account");
  },
};
