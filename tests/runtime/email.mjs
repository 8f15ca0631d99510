// Plays Cloudflare's send_email binding for serve.mjs: hands on what it is given, and throws what it is told to.
import { WorkerEntrypoint } from "cloudflare:workers";

export class Email extends WorkerEntrypoint {
  async send(message) {
    const response = await fetch(this.env.EMAIL_URL, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(message),
    });
    const { code, messageId } = await response.json();
    if (code) throw Object.assign(new Error("the mail was not taken"), { code });
    return { messageId };
  }
}

export default {};
