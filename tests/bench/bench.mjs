// The benchmark itself; scripts/bench builds what it measures, starts Postgres, and tells it where things are.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { deliveries, queue, waker } from "./lib/deliveries.mjs";
import { DELAY_MS, far } from "./lib/far.mjs";
import { ceiling, flood, hammer, revocation, steady } from "./lib/gate.mjs";
import { large } from "./lib/large.mjs";
import { Database, must, signUp } from "./lib/people.mjs";
import { Report } from "./lib/report.mjs";
import { Sides, readSecrets } from "./lib/sides.mjs";
import { enumeration, hashing, together, trips } from "./lib/sign-in.mjs";
import { size, startUp } from "./lib/size.mjs";
import { broadcaster } from "./lib/broadcaster.mjs";
import { streams } from "./lib/streams.mjs";
import { throughput } from "./lib/throughput.mjs";
import { Tools, say } from "./lib/tools.mjs";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const peer = join(root, "tests/bench/peer");
const { values: given } = parseArgs({
  options: {
    build: { type: "string" },
    hash: { type: "string" },
    load: { type: "string" },
    work: { type: "string" },
    secrets: { type: "string" },
    out: { type: "string" },
    quick: { type: "boolean", default: false },
    only: { type: "string" },
  },
});
const { APP_URL, PLATFORM_URL, ADMIN_URL, LARGE_APP_URL, LARGE_PLATFORM_URL, LARGE_ADMIN_URL } = process.env;
const quick = { rounds: 2, seconds: 2, count: 15, starts: 5, samples: 20, steadyRequests: 2000, people: 20, members: 10_000, auditRows: 200_000, pages: 10, events: 2000, backlog: 1000, eventSeconds: 4, eventRounds: 1, listeners: 1000 };
const whole = { rounds: 5, seconds: 5, count: 40, starts: 15, samples: 50, steadyRequests: 10_000, people: 100, members: 100_000, auditRows: 5_000_000, pages: 100, events: 20_000, backlog: 10_000, eventSeconds: 20, eventRounds: 3, listeners: 5000 };
const pace = given.quick ? quick : whole;
/** Requests a minute that the bench's tokens allow: admission counts each of them and refuses none. */
const RATE = 100_000_000;

const began = new Date();
const run = began.getTime().toString(36);
const report = new Report();
const tools = new Tools(given.load);
const work = given.work;
mkdirSync(work, { recursive: true });
const sides = new Sides({ root, build: given.build, secrets: readSecrets(given.secrets), work, peer });
const near = { app: APP_URL, platform: PLATFORM_URL };
const database = new Database(peer, ADMIN_URL);
const started = [];
const begin = async (starting) => {
  const worker = await starting;
  started.push(worker);
  return worker;
};
const wanted = (section) => !given.only || given.only.split(",").includes(section);

/** The same databases behind relays. */
async function away(connectToo) {
  const relay = async (url) => {
    const relayed = new URL(url);
    const found = await tools.delay({ target: relayed.host, oneWay: DELAY_MS / 2, connectToo });
    started.push(found);
    relayed.host = `127.0.0.1:${found.port}`;
    return { url: relayed.href, stop: found.stop };
  };
  const [app, platform] = [await relay(APP_URL), await relay(PLATFORM_URL)];
  return { app: app.url, platform: platform.url };
}

async function main() {
  const { host } = sides;
  say("starting both sides on workerd");
  const zygo = await begin(sides.zygo(near));
  await must(zygo.address, 200, { path: "/health", host });
  // Whoever owns an organisation reads; one person per side creates, so that neither's list of memberships grows for the other.
  const person = async (name) => {
    const email = `${name}-${run}@example.com`;
    await signUp(zygo.address, email);
    return database.verify(email);
  };
  const [user, one, other] = [await person("owner"), await person("one"), await person("other")];
  const id = { keys: join(work, "keys.json"), issuer: sides.issuer, audience: sides.audience, rate: RATE, session: crypto.randomUUID() };
  writeFileSync(id.keys, sides.secrets.TOKEN_KEYS, { mode: 0o600 });
  const platform = readFileSync(await tools.mint({ ...id, user, out: join(work, "first") }), "utf8").trim();
  const bearer = (token) => ({ authorization: `Bearer ${token}` });
  const made = await must(zygo.address, 201, { method: "POST", path: "/tenants", host, headers: bearer(platform), body: { name: "Bench", slug: `bench-${run}` } });
  const who = { ...id, user, tenant: JSON.parse(made.text).id };
  const token = readFileSync(await tools.mint({ ...who, out: join(work, "first") }), "utf8").trim();
  const published = {
    jwks: (await must(zygo.address, 200, { path: "/.well-known/jwks.json", host })).text,
    catalogue: (await must(zygo.address, 200, { path: "/permissions", host, headers: bearer(token) })).text,
  };

  if (wanted("throughput")) {
    const hono = await begin(sides.hono(near, published));
    const address = { zygo: zygo.address, hono: hono.address };
    await throughput({ report, tools, work, who, address, host, ...pace });
    await hono.stop();
  }
  await zygo.stop();
  if (wanted("far")) {
    const both = async (connectToo) => {
      const distant = await away(connectToo);
      const [ours, theirs] = [await begin(sides.zygo(distant, "zygo-far")), await begin(sides.hono(distant, published, "hono-far"))];
      return { address: { zygo: ours.address, hono: theirs.address }, stop: () => Promise.all([ours.stop(), theirs.stop()]) };
    };
    await far({ report, tools, work, who, creators: { zygo: one, hono: other }, host, begin: both, run, ...pace });
  }
  if (wanted("gate")) await gate({ host, id });
  if (wanted("streams")) await fanOut({ host, who, token });
  if (wanted("large")) await atSize({ host });
  if (wanted("deliveries")) await outward({ host, who: { ...id, user } });
  size({ report, build: given.build });
  if (wanted("start")) await startUp({ report, times: pace.starts, zygo: () => begin(sides.zygo(near, "zygo-start")), empty: () => begin(sides.empty(near)) });
  if (wanted("sign-in")) {
    const worker = await begin(sides.zygo(near, "zygo-sign-in"));
    await trips({ report, worker, host, database, run });
    await hashing({ report, tools, worker, hasher: await begin(sides.alone(given.hash, "hash")), host, database, run, ...pace });
    await together({ report, tools, worker, host, database, run });
    await enumeration({ report, worker, host, database, run, ...pace });
    await worker.stop();
  }
}

/** The tenant gate, asked by several isolates of one process that share its objects. */
async function gate({ host, id }) {
  const [few, many] = [20, 500];
  const worker = await begin(sides.zygo(near, "zygo-gate", { isolates: 8, others: { few: hammer(work, few), many: hammer(work, many) } }));
  const addresses = [worker.address, ...worker.doors.slice(0, 7)];
  const read = (file) => readFileSync(file, "utf8").trim();
  const shared = { report, tools, work, id, host, address: worker.address, opsToken: sides.secrets.OPS_TOKEN, database, run, read, ...pace };
  await steady(shared);
  await flood({ ...shared, addresses });
  await revocation({ ...shared, addresses });
  await ceiling({ ...shared, addresses: [[few, worker.doors[7]], [many, worker.doors[8]]] });
  await worker.stop();
}

/** Events on their way out, beside a process of Node that does the same. */
async function outward({ host, who }) {
  const worker = await begin(sides.zygo(near, "zygo-deliveries", { console: true, queue: queue(work), others: { waker: waker(work) } }));
  const read = (file) => readFileSync(file, "utf8").trim();
  await deliveries({ report, tools, worker, wake: worker.doors[0], work, who, host, database, peer, url: ADMIN_URL, run, read, ...pace });
  await worker.stop();
}

/** One event to many who are connected to one object. */
async function fanOut({ host, who, token }) {
  const worker = await begin(sides.zygo(near, "zygo-streams", { console: true }));
  const other = await begin(broadcaster(root));
  await streams({ report, tools, work, who, token, host, worker, other, ...pace });
  await worker.stop();
  await other.stop();
}

/** Lists and exports of a large organisation, whose database is filled for it and dropped afterwards. */
async function atSize({ host }) {
  const filled = new Database(peer, LARGE_ADMIN_URL);
  const worker = await begin(sides.zygo({ app: LARGE_APP_URL, platform: LARGE_PLATFORM_URL }, "zygo-large", { console: true }));
  try {
    await large({ report, worker, host, database: filled, run, ...pace });
  } finally {
    await worker.stop();
    await filled.end();
    await database.rows(`DROP DATABASE "${new URL(LARGE_ADMIN_URL).pathname.slice(1)}" WITH (FORCE)`);
  }
}

function versions() {
  const require = createRequire(import.meta.url);
  const of = (name, from = root) => `${name} ${JSON.parse(readFileSync(join(from, "node_modules", name, "package.json"), "utf8")).version}`;
  const lock = readFileSync(join(root, "Cargo.lock"), "utf8");
  const crate = (name) => `${name} ${lock.match(new RegExp(`name = "${name}"\\nversion = "([^"]+)"`))?.[1]}`;
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, stdio: ["ignore", "pipe", "ignore"] }).toString().trim();
  require("wrangler/package.json");
  return [`Zygo ${commit}`, of("workerd"), crate("worker"), crate("tokio-postgres"), of("hono", peer), of("pg", peer), of("undici", peer), `Node ${process.version}`].join(", ");
}

const conditions = [
  "Both sides run on `workerd serve` alone, without wrangler's proxy, one process each, and are loaded in turn (A B, B A, …) over 16 kept connections by `tests/bench/load`; consoles are discarded. Rows with Postgres away use one connection, one request after another.",
  "Durable Objects, Postgres and Hyperdrive's binding are real. KV, D1, R2, queues and assets are stubs that answer as if empty: no measured answer waits for them.",
  `The relay adds ${DELAY_MS / 2} ms each way. It stands where Hyperdrive's pool stands: connecting is answered at once, and connections outlive their clients (\`DISCARD ALL\` in between). The rows without a pool delay connecting too, open a connection per request, and are for information.`,
  "The gate's rows run in one workerd process: each isolate is one of the Worker, with a door of its own, and all share the objects. The leases of one gate object are asked for by a Worker that does nothing else; each is on the disk before it is answered.",
  "Deliveries go to servers of one process of Node over loopback. Both sides take them from the same tables of the same Postgres, claim and settle by the batch, and keep an attempt of each; the one of Node is told by LISTEN, has an index of its own, and asks no resolver. Events are written by SQL, each in a transaction, and Zygo is told after the commit as by its own requests: over the queue's consumer, which the bench calls at once.",
  "Streams: those who listen are one process (`tests/bench/load`, one thread), which notes when each of them has the message; time counts from when the change was asked for. Zygo's contains the request, its transaction, and the object's way to Postgres; Node's `ws` server has the message in the request, and neither checks nor keeps anything.",
  "The large organisation is filled by SQL, in a database of its own. Rows by sequential scans are PostgreSQL's own count over people, memberships and the trail's partitions.",
  "Both sides answer `/permissions` from text that was serialized once. Hono's key is imported once; it writes no log line and no security headers, Zygo writes both. Only in the second row of `/health` does Hono too: of each the same bytes, by the shortest way. An isolate of Zygo keeps `/health` as it was first answered, but for its id and its log line, as it does with all that is the same for everybody.",
];

try {
  await main();
  const commands = [`Command: \`scripts/bench${given.quick ? " --quick" : ""}\`; ${pace.rounds} rounds of ${pace.seconds} s, ${pace.count} requests per round with Postgres away, ${pace.samples} timings per kind of account`];
  const text = report.text({ versions: versions(), commands, conditions, began });
  mkdirSync(dirname(given.out), { recursive: true });
  writeFileSync(given.out, text);
  process.stdout.write(text);
} finally {
  await Promise.all(started.map((worker) => worker.stop()));
  await database.end();
  rmSync(work, { recursive: true, force: true });
}
