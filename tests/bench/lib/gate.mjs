// The tenant gate: how seldom it is asked, how exactly it limits, how soon a revocation is known, and how much one object bears.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask, must, PASSWORD, signUp } from "./people.mjs";
import { figure } from "./report.mjs";
import { say, sleep, spread } from "./tools.mjs";

const ISOLATES = 8;
const LEASE_MS = 10_000;
/** Calls a minute of the four plans. */
const RATES = { free: 60, pro: 600, business: 3000, enterprise: 12_000 };
/** People behind a tenant's load: one alone is held to half of the plan. */
const PEOPLE = 16;

/** Calls that a Worker's isolate has made to each kind of object, by its own metrics. */
async function calls({ address, host, opsToken }) {
  const { text } = await must(address, 200, { path: "/metrics", host, headers: { authorization: `Bearer ${opsToken}` } });
  return Object.fromEntries([...text.matchAll(/^zygo_object_calls_total\{binding="(\w+)"\} (\d+)/gm)].map(([, binding, count]) => [binding, Number(count)]));
}

/** Tokens of some people of a tenant of a plan, in one file. Nobody of them need exist: what answers them reads no database. */
async function crowd({ tools, work, id, rate, name }) {
  const tenant = crypto.randomUUID();
  const tokens = [];
  for (let n = 0; n < PEOPLE; n += 1) {
    const out = join(work, `${name}-${n}`);
    tokens.push(await tools.mint({ ...id, tenant, rate, user: crypto.randomUUID(), session: crypto.randomUUID(), out }));
  }
  return tokens;
}

/** Authorized requests at a steady rate, one after the other whether or not the last was answered, and what they cost in calls. */
export async function steady({ report, tools, work, id, address, host, opsToken, steadyRequests: requests, read }) {
  const perSecond = 180;
  say(`${requests} requests at ${perSecond} a second`);
  const tokens = (await crowd({ tools, work, id, rate: RATES.enterprise, name: "steady" })).map(read);
  const get = (n) => must(address, 200, { path: "/permissions", host, headers: { authorization: `Bearer ${tokens[n % PEOPLE]}` } });
  const before = await calls({ address, host, opsToken });
  const began = performance.now();
  const all = [];
  for (let n = 0; n < requests; n += 1) {
    const wait = began + (n * 1000) / perSecond - performance.now();
    if (wait > 1) await sleep(wait);
    all.push(get(n));
  }
  await Promise.all(all);
  const after = await calls({ address, host, opsToken });
  const made = Object.entries(after).map(([binding, count]) => [binding, count - (before[binding] ?? 0)]).filter(([, count]) => count > 0);
  const gate = Object.fromEntries(made).GATES ?? 0;
  report.row({
    what: `Calls to objects for ${requests.toLocaleString("en-US")} authorized requests at ${perSecond} a second`,
    zygo: `${made.map(([binding, count]) => `${binding} ${count}`).join(", ") || "none"}; the gate for ${((gate / requests) * 100).toFixed(2)} %`,
    target: "gate < 5 %, nothing else",
    met: gate / requests < 0.05 && made.every(([binding]) => binding === "GATES"),
  });
}

/** Eight isolates spend as fast as they can of one tenant's limit. */
export async function flood({ report, tools, work, id, addresses, host, seconds }) {
  for (const [plan, rate] of Object.entries(RATES)) {
    say(`${ISOLATES} isolates spend of the plan ${plan} at once`);
    const tokens = await crowd({ tools, work, id, rate, name: `flood-${plan}` });
    const began = performance.now();
    // Long enough to use up the burst also where the machine is busy.
    const given = { host, path: "/permissions", connections: 4, seconds: Math.max(seconds, rate / 800) };
    const found = await Promise.all(addresses.map((address, n) => tools.load({ ...given, address, tokens: tokens[n] }, [200, 429])));
    const elapsed = (performance.now() - began) / 1000;
    const count = (status) => found.reduce((sum, one) => sum + (one.statuses[status] ?? 0), 0);
    const allowed = 2 * rate + (rate / 60) * elapsed;
    const share = count(200) / allowed;
    report.row({
      what: `${ISOLATES} isolates at once, plan \`${plan}\`, ${rate.toLocaleString("en-US")} a minute: admitted of what burst and ${elapsed.toFixed(0)} s allow`,
      zygo: `${count(200).toLocaleString("en-US")} of ${Math.floor(allowed).toLocaleString("en-US")} (${(share * 100).toFixed(1)} %), ${count(429).toLocaleString("en-US")} refused`,
      target: "≤ 105 %",
      met: share <= 1.05 && count(429) > 0,
    });
  }
}

/** Sessions that end through one isolate, until another one refuses their tokens. */
export async function revocation({ report, addresses: [here, there], host, database, run, people }) {
  say(`${people} sessions end`);
  const first = `ends-${run}@example.com`;
  await signUp(here, first);
  await database.copyAccounts(first, `ends-${run}`, people, true);
  const pause = 200;
  const one = async (n) => {
    const headers = { "cf-connecting-ip": `2001:db8:4:${n.toString(16)}::1` };
    const answer = await must(here, 200, { method: "POST", path: "/auth/login", host, headers, body: { email: `ends-${run}-${n}@example.com`, password: PASSWORD } });
    const bearer = { authorization: `Bearer ${JSON.parse(answer.text).access_token}`, ...headers };
    const seen = () => ask(there, { path: "/auth/sessions/none", method: "DELETE", host, headers: bearer });
    await seen();
    return { bearer, seen };
  };
  const sessions = [];
  for (let n = 0; n < people; n += 1) sessions.push(await one(n));
  const times = await Promise.all(
    sessions.map(async ({ bearer, seen }, n) => {
      // Spread over more than a lease, so that they meet it at every age.
      await sleep((n * 1.3 * LEASE_MS) / people);
      await must(here, 204, { method: "POST", path: "/auth/logout", host, headers: bearer, body: {} });
      const ended = performance.now();
      while (performance.now() - ended < 3 * LEASE_MS) {
        const asked = performance.now();
        if ((await seen()).status === 401) return asked - ended;
        await sleep(pause);
      }
      return Infinity;
    }),
  );
  const found = spread(times.map((ms) => ms / 1000));
  report.row({
    what: `From the end of a session to its token's refusal by another isolate, ${people} times`,
    zygo: `${figure(found.median)} s (${figure(found.min)}–${figure(found.max)})`,
    target: `worst ≤ ${LEASE_MS / 1000} s, asked every ${pause} ms`,
    met: found.max * 1000 <= LEASE_MS + pause,
  });
}

/** A Worker that does nothing but ask one gate for leases, as so many isolates would that use them up at once. */
export function hammer(work, isolates) {
  const file = join(work, `hammer-${isolates}.js`);
  writeFileSync(
    file,
    `const all = Array.from({ length: ${isolates} }, () => ({ spent: [] }));
let turn = 0;
const rate = { per_minute: 10000, burst: 100000000 };
export default {
  async fetch(_, env) {
    const one = all[turn++ % all.length];
    one.isolate ??= crypto.randomUUID();
    const request = { isolate: one.isolate, since: 0, policy: 0, spent: one.spent.splice(0), told: [], rate };
    const body = JSON.stringify({ op: "lease", request, copy_of: null });
    const answer = await env.GATES.getByName("hammered-${isolates}").fetch("https://object/", { method: "POST", body });
    const lease = await answer.json();
    if (lease.tokens > 0) one.spent.push({ lease: lease.number, used: lease.tokens });
    return new Response(null, { status: answer.status });
  },
};
`,
  );
  return { modules: { "index.js": file }, bindings: ["GATES"] };
}

/** What one gate object bears. */
export async function ceiling({ report, tools, addresses, host, rounds, seconds }) {
  for (const [isolates, address] of addresses) {
    say(`one gate, ${isolates} isolates`);
    const rates = [];
    for (let round = 0; round < rounds; round += 1) rates.push((await tools.load({ address, host, path: "/", connections: 16, seconds })).rate);
    const found = spread(rates);
    report.row({
      what: `Leases a second of one gate object, ${isolates} isolates asking`,
      zygo: `${figure(found.median)}/s (${figure(found.min)}–${figure(found.max)}): as many as ${figure((found.median * LEASE_MS) / 1000)} isolates that ask once in ten seconds`,
    });
  }
}
