// Requests per second, both sides in turn: plain answers, and answers to a valid token.
import { join } from "node:path";
import { figure, spreadText } from "./report.mjs";
import { say, spread } from "./tools.mjs";

/** Tokens minted for one run of tokens never seen, per second of it: more than either side can verify. */
const TOKENS_PER_SECOND = 30_000;

/** Runs `measure(side)` for both sides alternately; answers the rates of each and their ratio, round by round. */
async function alternate(rounds, measure) {
  const rates = { zygo: [], hono: [] };
  for (let round = 0; round < rounds; round += 1) {
    for (const side of round % 2 ? ["hono", "zygo"] : ["zygo", "hono"]) rates[side].push((await measure(side)).rate);
    say(`round ${round + 1} of ${rounds}: ${figure(rates.zygo.at(-1))} against ${figure(rates.hono.at(-1))} a second`);
  }
  return { ...rates, ratios: rates.zygo.map((rate, round) => rate / rates.hono[round]) };
}

function tell(report, what, target, found) {
  const ratio = spread(found.ratios);
  report.row({
    what,
    zygo: spreadText(spread(found.zygo), "/s"),
    peer: spreadText(spread(found.hono), "/s"),
    ratio: `${ratio.median.toFixed(2)}× (${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)})`,
    ...(target && { target: `≥ ${target}×`, met: ratio.median >= target }),
  });
}

export async function throughput({ report, tools, work, who, address, host, rounds, seconds }) {
  const load = (side, given) => tools.load({ address: address[side], host, connections: 16, seconds, ...given });
  const one = await tools.mint({ ...who, out: join(work, "token"), count: 1 });
  const fresh = () => tools.mint({ ...who, out: join(work, "tokens"), count: Math.ceil(TOKENS_PER_SECOND * seconds) });

  say("warming up both sides");
  for (const side of ["zygo", "hono"]) {
    await load(side, { path: "/health" });
    await load(side, { path: "/permissions", tokens: one });
  }
  await load("hono", { path: "/health/whole" });
  say("GET /health");
  tell(report, "`GET /health`", 0.75, await alternate(rounds, (side) => load(side, { path: "/health" })));
  say("GET /health, the peer with the same headers and log line");
  const whole = { zygo: "/health", hono: "/health/whole" };
  tell(report, "`GET /health`, Hono with the same headers and a log line", undefined, await alternate(rounds, (side) => load(side, { path: whole[side] })));
  say("GET /permissions, one token again and again");
  tell(report, "`GET /permissions`, repeated token", 1.5, await alternate(rounds, (side) => load(side, { path: "/permissions", tokens: one })));
  say("GET /permissions, every token for the first time");
  const unseen = await alternate(rounds, async (side) => load(side, { path: "/permissions", tokens: await fresh(), once: true }));
  tell(report, "`GET /permissions`, tokens never seen", 0.8, unseen);
}
