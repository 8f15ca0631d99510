// Verifies deliveries with the published library: reads {"secret", "headers", "body"} a line, writes "ok" or "no" a line.
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  let verdict = "no";
  try {
    verdict = JSON.stringify(new Webhook(secret).verify(body, headers)) === JSON.stringify(JSON.parse(body)) ? "ok" : "no";
  } catch {}
  console.log(verdict);
}
