// Events on their way to tenants' endpoints: how soon they arrive, how many a second, and whether somebody else's dead endpoint delays them.
// Beside it stands one process of Node that does the same work out of the same tables (tests/bench/peer/src/consumer.mjs).
import { fork, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { must } from "./people.mjs";
import { figure } from "./report.mjs";
import { say, sleep, spread } from "./tools.mjs";

const TENANTS = 20;
const ENDPOINTS = 50;
/** Events a second while times are taken, spread over the tenants. */
const RATE = 50;
/** Longest that anything may take to arrive, in ms, before the bench gives up. */
const PATIENCE = 120_000;
const now = () => performance.timeOrigin + performance.now();
const thousands = (number) => number.toLocaleString("en-US");

/** A queue that hands each message on at once, to the consumer that production has: workerd alone has none. */
export function queue(work) {
  const file = join(work, "queue.js");
  writeFileSync(
    file,
    `export default {
  async fetch(request, env, context) {
    const batch = new URL(request.url).pathname === "/batch";
    const bodies = batch ? (await request.json()).messages.map(({ body }) => JSON.parse(atob(body))) : [await request.json()];
    const messages = bodies.map((body) => ({ id: crypto.randomUUID(), timestamp: new Date(), body, attempts: 1 }));
    context.waitUntil(env.CONSUMER.queue("bench", messages));
    return Response.json({ metadata: { metrics: { backlogCount: 0, backlogBytes: 0, oldestMessageTimestamp: 0 } } });
  },
};
`,
  );
  return { modules: { "index.js": file }, bindings: { CONSUMER: { service: "background" } }, flags: ["service_binding_extra_handlers"] };
}

/** A Worker that says which endpoints are owed something, as every request does after its commit. */
export function waker(work) {
  const file = join(work, "waker.js");
  writeFileSync(
    file,
    `export default {
  async fetch(request, env) {
    const endpoints = await request.json();
    await env.WEBHOOKS.sendBatch(endpoints.map((webhook_id) => ({ body: { webhook_id }, contentType: "json" })));
    return new Response();
  },
};
`,
  );
  return { modules: { "index.js": file }, bindings: ["WEBHOOKS"] };
}

/** The endpoints' own process. */
class Receivers {
  static async start() {
    const child = fork(new URL("receiver.mjs", import.meta.url), [String(ENDPOINTS)]);
    const found = await new Promise((resolve) => child.once("message", resolve));
    return Object.assign(new Receivers(), { child, ...found });
  }

  async take() {
    const answer = new Promise((resolve) => this.child.once("message", resolve));
    this.child.send({ take: true });
    return (await answer).arrivals;
  }

  stop() {
    this.child.kill("SIGKILL");
  }
}

/** Organisations with their endpoints, made through the API; the last one is ill. */
async function organisations({ address, host, tools, work, who, run, receivers, read, database }) {
  const client = { "cf-connecting-ip": "2001:db8:6::1" };
  const platform = read(await tools.mint({ ...who, out: join(work, "deliveries") }));
  const call = async (status, path, token, rest) => {
    const headers = { ...client, authorization: `Bearer ${token}` };
    return JSON.parse((await must(address, status, { path, host, headers, ...rest })).text);
  };
  const post = (path, token, body) => call(201, path, token, { method: "POST", body });
  const tenants = [];
  for (let n = 0; n <= TENANTS; n += 1) {
    const { id } = await post("/tenants", platform, { name: `Events ${n}`, slug: `events-${n}-${run}` });
    await database.rows("UPDATE tenants SET plan = 'enterprise' WHERE id = $1", [id]);
    const token = read(await tools.mint({ ...who, tenant: id, out: join(work, "deliveries") }));
    const mine = n < TENANTS ? receivers.addresses.map((at, index) => ({ at, index })).filter(({ index }) => index % TENANTS === n) : [{ at: receivers.dead }, { at: receivers.hanging }];
    const endpoints = [];
    for (const { at, index } of mine) {
      const { id: webhook } = await post("/webhooks", token, { url: `http://${at}/events`, event_types: ["tenant.updated"] });
      const { secret } = await call(200, `/webhooks/${webhook}/secret`, token);
      endpoints.push({ id: webhook, url: `http://${at}/events`, secret, index });
    }
    tenants.push({ id, endpoints });
  }
  const ill = tenants.pop();
  return { tenants, ill };
}

/** What has happened in a tenant: `count` events of one transaction. Answers their ids, and when the commit was known. */
async function happen(database, { id }, count) {
  const rows = await database.rows(
    `WITH made AS (INSERT INTO events (id, tenant_id, type, data, occurred_at)
       SELECT make_uuid_v7(clock_timestamp()), $1, 'tenant.updated', jsonb_build_object('tenant_id', $1::uuid, 'version', n, 'name', 'Bench'), now()
       FROM generate_series(1, $2::integer) n RETURNING id)
     SELECT id, pg_notify('bench_due', '') FROM made`,
    [id, count],
  );
  return { ids: rows.map(({ id: event }) => event), at: now() };
}

/** Collects arrivals until all that is owed is there, or patience ends. */
async function collect(receivers, owed) {
  const arrived = new Map();
  let doubled = 0;
  const began = now();
  while (arrived.size < owed && now() - began < PATIENCE) {
    await sleep(50);
    for (const [endpoint, event, at] of await receivers.take()) {
      const key = `${endpoint} ${event}`;
      if (arrived.has(key)) doubled += 1;
      else arrived.set(key, at);
    }
  }
  if (arrived.size !== owed) throw new Error(`${arrived.size} of ${owed} deliveries arrived`);
  return { arrived, doubled };
}

/** Events at a steady rate; answers how long each delivery took since its commit. */
async function steady({ database, receivers, tenants, seconds, tell }) {
  const made = [];
  const began = now();
  const all = [];
  for (let n = 0; n < RATE * seconds; n += 1) {
    const wait = began + (n * 1000) / RATE - now();
    if (wait > 1) await sleep(wait);
    const tenant = tenants[n % tenants.length];
    all.push(
      happen(database, tenant, 1).then(async ({ ids, at }) => {
        made.push(...tenant.endpoints.map(({ index }) => [`${index} ${ids[0]}`, at]));
        await tell(tenant.endpoints);
      }),
    );
  }
  await Promise.all(all);
  const { arrived } = await collect(receivers, made.length);
  return made.map(([key, at]) => arrived.get(key) - at);
}

/** All that is owed at once; answers deliveries a second, from the word that they are owed to the last one's arrival. */
async function sustained({ database, receivers, tenants, events, begin }) {
  let owed = 0;
  for (const tenant of tenants) {
    await happen(database, tenant, events / tenants.length);
    owed += (events / tenants.length) * tenant.endpoints.length;
  }
  await database.rows("ANALYZE webhook_deliveries");
  const began = now();
  await begin();
  const { arrived, doubled } = await collect(receivers, owed);
  return { owed, doubled, rate: (owed * 1000) / (Math.max(...arrived.values()) - began) };
}

/** What is settled takes no part in the next round. */
async function clear(database) {
  for (let n = 0; n < 600; n += 1) {
    const [{ open }] = await database.rows("SELECT count(*)::integer AS open FROM webhook_deliveries WHERE status IN ('pending', 'failing') AND next_attempt_at IS NOT NULL");
    if (open === 0) break;
    await sleep(100);
  }
  await database.rows("TRUNCATE webhook_attempts, webhook_deliveries, events CASCADE");
}

const percentile = (numbers, share) => [...numbers].sort((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(numbers.length * share))];

/** One process of Node with undici, told by LISTEN of what is due. */
async function consumer({ peer, url, tenants }) {
  const child = spawn(process.execPath, [join(peer, "src/consumer.mjs")], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(JSON.stringify({ database: url, endpoints: Object.fromEntries(tenants.flatMap(({ endpoints }) => endpoints).map((one) => [one.id, one])) }));
  await new Promise((resolve, reject) => {
    child.stdout.once("data", resolve);
    child.once("exit", () => reject(new Error("the consumer ended")));
  });
  return { stop: () => child.kill("SIGKILL") };
}

export async function deliveries({ report, tools, worker, wake, work, who, host, database, peer, url, run, read, events, backlog, eventSeconds: seconds, eventRounds: rounds }) {
  const receivers = await Receivers.start();
  const shared = { report, database, receivers, events, backlog, seconds, rounds };
  try {
    say(`${TENANTS} tenants with ${ENDPOINTS} endpoints`);
    const { tenants, ill } = await organisations({ address: worker.address, host, tools, work, who, run, receivers, read, database });
    await sleep(2000);
    await clear(database);
    const tell = (endpoints) => must(wake, 200, { method: "POST", path: "/", body: endpoints.map(({ id }) => id) });
    await beside({ ...shared, tenants, tell, peer: () => consumer({ peer, url, tenants }) });
    await fairness({ ...shared, tenants, ill, tell });
  } finally {
    receivers.stop();
  }
}

/** Both sides in turn. */
async function beside({ report, database, receivers, tenants, tell, peer, events, seconds, rounds }) {
  const times = { zygo: [], node: [] };
  const rates = { zygo: [], node: [] };
  let doubled = 0;
  let owed = 0;
  const sides = {
    zygo: async () => ({ told: tell, all: () => tell(tenants.flatMap(({ endpoints }) => endpoints)), end: () => {} }),
    node: async () => {
      let started;
      // What a general claim wants, and the product's own do not.
      await database.rows("CREATE INDEX bench_due ON webhook_deliveries (next_attempt_at) WHERE status IN ('pending', 'failing')");
      return {
        told: async () => {},
        all: async () => (started = await peer()),
        begin: async () => (started = await peer()),
        end: async () => {
          await clear(database);
          started?.stop();
          await database.rows("DROP INDEX bench_due");
        },
      };
    },
  };
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 ? ["node", "zygo"] : ["zygo", "node"]) {
      const burst = await sides[name]();
      const found = await sustained({ database, receivers, tenants, events, begin: burst.all });
      [doubled, owed] = [doubled + (name === "zygo" ? found.doubled : 0), found.owed];
      rates[name].push(found.rate);
      await burst.end();
      await clear(database);
      const calm = await sides[name]();
      await calm.begin?.();
      times[name].push(...(await steady({ database, receivers, tenants, seconds, tell: calm.told })));
      await calm.end();
      await clear(database);
      say(`round ${round + 1} of ${rounds}, ${name}: ${figure(found.rate)} a second, p99 ${figure(percentile(times[name], 0.99))} ms`);
    }
  }
  for (const share of [0.5, 0.99]) {
    const [ours, theirs] = [percentile(times.zygo, share), percentile(times.node, share)];
    report.row({ what: `Commit → arrival, p${share * 100}, ${RATE} events a second to ${ENDPOINTS} endpoints of ${TENANTS} tenants`, zygo: `${figure(ours)} ms`, peer: `${figure(theirs)} ms (Node, undici)`, ratio: `${(theirs / ours).toFixed(2)}×` });
  }
  const ratio = spread(rates.zygo.map((rate, round) => rate / rates.node[round]));
  report.row({
    what: `Deliveries a second over ${thousands(events)} events, ${thousands(owed)} deliveries; ${doubled} twice`,
    zygo: `${figure(spread(rates.zygo).median)}/s`,
    peer: `${figure(spread(rates.node).median)}/s (Node, undici)`,
    ratio: `${ratio.median.toFixed(2)}× (${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)})`,
  });
}

/** Another tenant's times, without and with one whose endpoints are dead and hanging and who has much to send to them. */
async function fairness({ report, database, receivers, tenants, ill, tell, backlog, seconds, rounds }) {
  const times = { without: [], with: [] };
  for (let round = 0; round < rounds; round += 1) {
    for (const name of ["without", "with"]) {
      if (name === "with") {
        await happen(database, ill, backlog);
        await tell(ill.endpoints);
        await sleep(1000);
      }
      times[name].push(...(await steady({ database, receivers, tenants, seconds, tell })));
      await database.rows("UPDATE webhook_deliveries SET status = 'dead', next_attempt_at = NULL WHERE tenant_id = $1", [ill.id]);
      await clear(database);
    }
    say(`round ${round + 1} of ${rounds}: p99 ${figure(percentile(times.without, 0.99))} ms without, ${figure(percentile(times.with, 0.99))} ms with`);
  }
  for (const share of [0.5, 0.99]) {
    const [without, beside] = [percentile(times.without, share), percentile(times.with, share)];
    const moved = (beside / without - 1) * 100;
    report.row({
      what: `Commit → arrival, p${share * 100}, without and with a tenant of whose two endpoints one is dead and one hangs, ${thousands(backlog)} events waiting at each`,
      zygo: `${figure(without)} and ${figure(beside)} ms: ${moved.toFixed(0)} %`,
      ...(share === 0.99 && { target: "< 20 %", met: moved < 20 }),
    });
  }
}
