// The system as somebody at a browser sees it: hosts, mails, people, windows.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

/** How long a mail may take, in milliseconds. */
const MAIL_LIMIT = 15_000;
let people = 0;

export class Site {
  /** What the browser complained of: violations of the policy, errors of scripts. */
  complaints = [];
  #contexts = [];

  constructor({ browser, port, shots }) {
    this.browser = browser;
    this.port = port;
    this.shots = shots;
    this.home = `http://getzygo.localhost:${port}`;
    this.api = `http://127.0.0.1:${port}`;
  }

  /** A window with a profile of its own. */
  async window({ scripts = true, language = "en-GB", ...more } = {}) {
    const context = await this.browser.newContext({ javaScriptEnabled: scripts, locale: language, baseURL: this.home, ...more });
    this.#contexts.push(context);
    const page = await context.newPage();
    page.on("console", (message) => message.type() === "error" && this.#complain(message.text()));
    page.on("pageerror", (error) => this.complaints.push(error.stack));
    page.on("request", (request) => {
      const { hostname } = new URL(request.url());
      if (!hostname.endsWith("localhost") && !request.url().startsWith("data:")) this.complaints.push(`asked ${request.url()}`);
    });
    return page;
  }

  #complain(text) {
    // An answer of 4xx to a form is what several tests are about.
    if (!text.startsWith("Failed to load resource: the server responded with a status of 4")) this.complaints.push(text);
  }

  assertQuiet() {
    assert.deepEqual(this.complaints, []);
  }

  async close() {
    for (const context of this.#contexts) await context.close();
  }

  /** Somebody without an account. */
  stranger() {
    people += 1;
    const name = `browser-${process.pid}-${people}`;
    return { email: `${name}@people.zygo-tests.example`, password: `Heron-Lantern-Quartz ${name}` };
  }

  /** Somebody with a verified account, made by the API. */
  async person() {
    const person = this.stranger();
    await this.post("/auth/signup", person);
    const [mail] = await this.mails(person, 1);
    await this.post("/auth/verify-email", { token: mail.tokens.verify });
    return person;
  }

  /** An organisation, made by the API, whose owner invites people. */
  async organisation(name) {
    const owner = await this.person();
    const session = await this.post("/auth/login", owner);
    const slug = `o-${owner.email.split("@")[0]}`;
    const { id } = await this.post("/tenants", { name, slug }, session.access_token);
    const inside = await this.post("/auth/switch-tenant", { tenant_id: id }, session.access_token);
    return { invite: ({ email }) => this.post(`/tenants/${id}/invitations`, { email, role: "developer" }, inside.access_token) };
  }

  /** A call of the API, at its host. */
  async post(path, body, token) {
    const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
    const response = await fetch(`${this.api}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    const text = await response.text();
    assert.ok(response.ok, `${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  /** The mails to somebody, newest first, as soon as there are so many. */
  async mails({ email }, count) {
    const deadline = Date.now() + MAIL_LIMIT;
    for (;;) {
      const response = await fetch(`${this.api}/dev/mailbox?to=${encodeURIComponent(email)}`);
      const { data } = await response.json();
      if (data.length >= count) return data;
      assert.ok(Date.now() < deadline, `${data.length} of ${count} mails came`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Fills in fields by their labels, and presses a button by its name. */
  async send(page, fields, button) {
    for (const [label, value] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(value);
    await page.getByRole("button", { name: button, exact: true }).click();
  }

  /** Signs somebody in. */
  async signIn(page, person) {
    await page.goto("/sign-in?lang=en");
    await this.send(page, { "Mail address": person.email, Password: person.password }, "Sign in");
    await page.waitForURL("**/account");
  }

  /** The path of the newest link of a kind in somebody's mails, as soon as it is there. */
  async link(person, start) {
    const deadline = Date.now() + MAIL_LIMIT;
    for (;;) {
      const mails = await this.mails(person, 1);
      const link = mails.flatMap(({ links }) => links).find((link) => new URL(link).pathname === start);
      if (link) return link;
      assert.ok(Date.now() < deadline, `no link to ${start} came`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** A picture of a page, if pictures are wanted. */
  async shot(page, name) {
    if (!this.shots) return;
    mkdirSync(this.shots, { recursive: true });
    await page.screenshot({ path: join(this.shots, `${name}.png`), fullPage: true });
  }
}
