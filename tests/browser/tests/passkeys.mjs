// Passkeys, with the browser's own virtual authenticator (Chrome DevTools Protocol, domain WebAuthn).

import assert from "node:assert/strict";

const heading = (page) => page.getByRole("heading", { level: 1 }).textContent();

/** A window with an authenticator that says yes, or no. */
async function authenticator(site) {
  const page = await site.window();
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const options = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true };
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", { options });
  const willing = (isUserVerified) => cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified });
  const credentials = async () => (await cdp.send("WebAuthn.getCredentials", { authenticatorId })).credentials;
  return { page, willing, credentials };
}

async function add(site, page) {
  await page.getByRole("link", { name: "Security" }).click();
  await page.getByRole("link", { name: "Add a passkey" }).click();
  await site.send(page, { "Name of the passkey (optional)": "This laptop" }, "Add a passkey");
  await page.waitForURL("**/account/security?notice=passkey-added");
}

export const passkeys = {
  async "a passkey, from adding to signing in"(site) {
    const person = await site.person();
    const { page, credentials } = await authenticator(site);
    await site.signIn(page, person);
    await add(site, page);
    assert.ok(await page.getByText("This laptop").isVisible());
    assert.equal((await credentials()).length, 1);
    await site.shot(page, "security-passkey");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Sign in with a passkey" }).click();
    await page.waitForURL("**/account");
    assert.equal(await heading(page), "Your account");
  },

  async "a passkey as second factor, and again before it goes"(site) {
    const person = await site.person();
    const { page } = await authenticator(site);
    await site.signIn(page, person);
    await add(site, page);
    await page.getByRole("button", { name: "Sign out" }).click();
    await site.send(page, { "Mail address": person.email, Password: person.password }, "Sign in");
    assert.equal(await heading(page), "Second factor");
    await site.shot(page, "second-factor-passkey");
    await page.getByRole("button", { name: "Use a passkey" }).click();
    await page.waitForURL("**/account");
    await page.getByRole("link", { name: "Security" }).click();
    await page.getByRole("button", { name: "Remove" }).click();
    assert.match(await page.getByRole("status").textContent(), /passkey was removed/);
  },

  async "a passkey whose owner does not agree"(site) {
    const person = await site.person();
    const { page, willing } = await authenticator(site);
    await site.signIn(page, person);
    await add(site, page);
    await page.getByRole("button", { name: "Sign out" }).click();
    await willing(false);
    const button = page.getByRole("button", { name: "Sign in with a passkey" });
    await button.click();
    await page.waitForFunction(() => !document.querySelector("form[data-passkey] button").disabled);
    assert.equal(await heading(page), "Sign in");
    await willing(true);
    await button.click();
    await page.waitForURL("**/account");
  },

  async "without scripts no passkey is offered"(site) {
    const page = await site.window({ scripts: false });
    await page.goto("/sign-in");
    assert.equal(await page.getByRole("button", { name: "Sign in with a passkey" }).isVisible(), false);
    assert.ok(await page.getByRole("button", { name: "Sign in", exact: true }).isVisible());
  },
};
