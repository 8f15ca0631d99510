// Looks at the pages in a real browser. tests/tests/browser.rs starts it, with a system of its own.
//
//   node tests/browser/run.mjs --port N --chrome PATH --scratch DIR [--shots DIR] [NAME...]
//
//   --port N       where the Worker serves; hosts are names below localhost, which browsers take for this machine
//   --chrome PATH  a Chromium
//   --scratch DIR  its profile; removed afterwards
//   --shots DIR    pictures of every page, light, dark and narrow, for people to look at
//   NAME           only tests whose name holds it

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

import { Site } from "./lib/site.mjs";
import { accessibility } from "./tests/accessibility.mjs";
import { journeys } from "./tests/journeys.mjs";
import { passkeys } from "./tests/passkeys.mjs";

const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: { port: { type: "string" }, chrome: { type: "string" }, scratch: { type: "string" }, shots: { type: "string" } },
});
const tests = { ...journeys, ...passkeys, ...accessibility };
const chosen = Object.entries(tests).filter(([name]) => wanted.length === 0 || wanted.some((part) => name.includes(part)));

mkdirSync(options.scratch, { recursive: true });
const browser = await chromium.launch({
  executablePath: options.chrome,
  // Nothing of it may go anywhere but to the system under test.
  args: [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
  ],
  env: { ...process.env, HOME: join(options.scratch, "home"), XDG_CONFIG_HOME: join(options.scratch, "config"), XDG_CACHE_HOME: join(options.scratch, "cache") },
});

let failed = 0;
console.log(`running ${chosen.length} tests`);
for (const [name, test] of chosen) {
  const site = new Site({ browser, port: options.port, shots: options.shots });
  try {
    await test(site);
    site.assertQuiet();
    console.log(`test ${name} ... ok`);
  } catch (error) {
    failed += 1;
    console.log(`test ${name} ... FAILED\n${error.stack}\n${site.complaints.join("\n")}`);
  } finally {
    await site.close();
  }
}
await browser.close();
console.log(`test result: ${failed === 0 ? "ok" : "FAILED"}. ${chosen.length - failed} passed; ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
