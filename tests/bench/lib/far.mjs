// Routes that need Postgres, with Postgres 40 ms of round trip away.
import { join } from "node:path";
import { figure, spreadText } from "./report.mjs";
import { say, spread } from "./tools.mjs";

export const DELAY_MS = 40;
const BUDGET = 1.3;

/** Requests one after another: the median of each round's medians, and the round trips that all answers reported. */
async function latency({ tools, address, host, rounds, count, tokens, request }) {
  const times = { zygo: [], hono: [] };
  const trips = { zygo: new Set(), hono: new Set() };
  for (let round = 0; round < rounds; round += 1) {
    for (const side of round % 2 ? ["hono", "zygo"] : ["zygo", "hono"]) {
      const given = { address: address[side], host, connections: 1, requests: count, tokens: tokens[side], roundTrips: true, ...request(side, round) };
      const found = await tools.load(given, [200, 201]);
      times[side].push(found.ms.p50);
      Object.keys(found.round_trips).forEach((reported) => trips[side].add(reported));
    }
    say(`round ${round + 1} of ${rounds}: ${figure(times.zygo.at(-1))} ms against ${figure(times.hono.at(-1))} ms`);
  }
  const told = (side) => [...trips[side]].sort().join(", ") || "none";
  return { zygo: spread(times.zygo), hono: spread(times.hono), trips: { zygo: told("zygo"), hono: told("hono") } };
}

function tell(report, what, found, judged) {
  report.row({
    what: `${what}, round trips (\`rt\`)`,
    zygo: found.trips.zygo,
    peer: found.trips.hono,
    target: judged ? "exactly 1" : undefined,
    met: judged ? found.trips.zygo === "1" : undefined,
  });
  const share = found.zygo.median / DELAY_MS;
  report.row({
    what: `${what}, end to end`,
    zygo: `${spreadText(found.zygo, " ms")}, ${share.toFixed(2)} × the delay`,
    peer: `${spreadText(found.hono, " ms")}, ${(found.hono.median / DELAY_MS).toFixed(2)} × the delay`,
    ratio: `${(found.hono.median / found.zygo.median).toFixed(2)}× as fast`,
    target: judged ? `< ${BUDGET} × ${DELAY_MS} ms` : undefined,
    met: judged ? share < BUDGET : undefined,
  });
}

/** `begin` starts both sides behind a relay and answers `{address, stop}`. */
export async function far({ report, tools, work, who, creators, host, rounds, count, begin, run }) {
  const reader = await tools.mint({ ...who, out: join(work, "reader") });
  const tokens = { zygo: reader, hono: reader };
  const writers = {};
  for (const [side, user] of Object.entries(creators)) writers[side] = await tools.mint({ ...who, user, out: join(work, `writer-${side}`) });
  const me = () => ({ path: "/users/me" });
  // A slug is used once: one series of numbers per side and round.
  const create = (kind) => (side, round) => ({
    method: "POST",
    path: "/tenants",
    body: `{"name":"Far away","slug":"${kind}-${side}-${round}-{n}-${run}"}`,
  });
  for (const connectToo of [false, true]) {
    const sides = await begin(connectToo);
    const shared = { tools, host, rounds, count, address: sides.address };
    const where = connectToo ? `Postgres ${DELAY_MS} ms away and no pool in between` : `Postgres ${DELAY_MS} ms away`;
    for (const side of ["zygo", "hono"]) {
      await tools.load({ address: sides.address[side], host, connections: 1, requests: 5, tokens: reader, path: "/users/me" });
    }
    say(`GET /users/me, ${where}`);
    tell(report, `\`GET /users/me\`, ${where}`, await latency({ ...shared, tokens, request: me }), !connectToo);
    say(`POST /tenants, ${where}`);
    const found = await latency({ ...shared, tokens: writers, request: create(connectToo ? "t" : "f") });
    tell(report, `\`POST /tenants\`, ${where}`, found, !connectToo);
    await sides.stop();
  }
}
