// Passes wrangler's output on, line by line, without what says nothing: its table of wrangler.toml's bindings (twice),
// and the hint that nobody sends cron events, for scripts/dev does.

import { createInterface } from "node:readline";

const drop = [/^Found a non-empty CLOUDFLARE_HYPERDRIVE/, /^\[custom build\] *$/, /Connection status updated/];
const begin = [/^Your Worker has access/, /Scheduled Workers are not automatically/];
const end = [/^$/, /For more details, see/];
let inside = -1;

// Ctrl-C reaches the whole group; the last lines of the others are still to come.
process.on("SIGINT", () => {});
for await (const line of createInterface({ input: process.stdin })) {
  if (inside < 0) inside = begin.findIndex((pattern) => pattern.test(line));
  if (inside >= 0) {
    if (end[inside].test(line)) inside = -1;
  } else if (!drop.some((pattern) => pattern.test(line))) {
    process.stdout.write(`${line}\n`);
  }
}
