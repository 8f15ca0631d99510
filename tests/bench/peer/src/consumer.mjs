// Deliveries as one would make them with Node, undici, pg and standardwebhooks: one process claims what is due, sends, and settles by the batch.
// Where there was a choice, the faster way was taken: it is told of new work by LISTEN, connections are kept, two batches are under way at
// once, and secrets are read once.
//
//   node consumer.mjs < {"database": URL, "endpoints": {id: {"url", "secret"}}}     It prints a line when it listens; SIGTERM ends it.
import { text } from "node:stream/consumers";
import pg from "pg";
import { Webhook } from "standardwebhooks";
import { Agent } from "undici";

const BATCH = 500;
const AT_ONCE = 64;
const LANES = 2;

const given = JSON.parse(await text(process.stdin));
const endpoints = new Map(Object.entries(given.endpoints).map(([id, { url, secret }]) => [id, { url: new URL(url), signer: new Webhook(secret) }]));
const agent = new Agent({ connections: 4, pipelining: 1, headersTimeout: 15_000, bodyTimeout: 15_000 });
const pool = new pg.Pool({ connectionString: given.database, max: LANES });

const CLAIM = `WITH due AS MATERIALIZED (
    SELECT d.id, d.event_id FROM webhook_deliveries d WHERE d.status IN ('pending', 'failing') AND d.next_attempt_at <= now()
    ORDER BY d.next_attempt_at LIMIT ${BATCH} FOR UPDATE OF d SKIP LOCKED)
  UPDATE webhook_deliveries d SET next_attempt_at = now() + interval '2 minutes' FROM due JOIN events e ON e.id = due.event_id WHERE d.id = due.id
  RETURNING d.id, d.webhook_id, d.event_id, e.type, e.data, e.occurred_at`;

const SETTLE = `WITH result AS (SELECT * FROM unnest($1::uuid[], $2::text[], $3::int2[], $4::text[], $5::int4[], $6::timestamptz[]) r (id, outcome, status, head, ms, at)),
  settled AS (
    UPDATE webhook_deliveries d SET status = r.outcome, attempts = d.attempts + 1, tries = d.tries + 1, response_status = r.status, latency_ms = r.ms,
      next_attempt_at = CASE WHEN r.outcome = 'failing' THEN now() + interval '5 seconds' END,
      delivered_at = CASE WHEN r.outcome = 'delivered' THEN r.at END
    FROM result r WHERE d.id = r.id RETURNING d.id, d.tenant_id, d.attempts, r.outcome, r.status, r.head, r.ms, r.at)
  INSERT INTO webhook_attempts (id, tenant_id, delivery_id, attempt, outcome, response_status, response_head, latency_ms, attempted_at)
  SELECT gen_random_uuid(), tenant_id, s.id, attempts, CASE WHEN outcome = 'delivered' THEN 'delivered' ELSE 'failed' END, s.status, s.head, s.ms, s.at
  FROM settled s`;

async function deliver({ webhook_id, event_id, type, data, occurred_at }) {
  const { url, signer } = endpoints.get(webhook_id);
  const at = new Date();
  const body = JSON.stringify({ type, timestamp: occurred_at.toISOString(), data });
  const headers = {
    "content-type": "application/json",
    "webhook-id": event_id,
    "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
    "webhook-signature": signer.sign(event_id, at, body),
  };
  try {
    const answer = await agent.request({ origin: url.origin, path: url.pathname, method: "POST", headers, body });
    const head = (await answer.body.text()).slice(0, 4096);
    return { outcome: answer.statusCode < 300 ? "delivered" : "failing", status: answer.statusCode, head, at };
  } catch {
    return { outcome: "failing", status: null, head: null, at };
  }
}

async function batch() {
  const { rows } = await pool.query({ name: "claim", text: CLAIM });
  if (rows.length === 0) return false;
  const results = new Array(rows.length);
  let next = 0;
  const sender = async () => {
    while (next < rows.length) {
      const n = next++;
      results[n] = await deliver(rows[n]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sender));
  const column = (of) => results.map(of);
  const taken = column(({ at }) => Date.now() - at.getTime());
  const values = [rows.map(({ id }) => id), column(({ outcome }) => outcome), column(({ status }) => status), column(({ head }) => head), taken, column(({ at }) => at)];
  await pool.query({ name: "settle", text: SETTLE, values });
  return true;
}

const waiting = [];
let told = 0;
const listener = new pg.Client({ connectionString: given.database });
await listener.connect();
listener.on("notification", () => {
  told += 1;
  for (const wake of waiting.splice(0)) wake();
});
await listener.query("LISTEN bench_due");
console.log("listening");

async function lane() {
  for (;;) {
    const before = told;
    while (await batch());
    if (told === before) await new Promise((resolve) => (waiting.push(resolve), setTimeout(resolve, 1000)));
  }
}
process.on("SIGTERM", () => process.exit(0));
await Promise.all(Array.from({ length: LANES }, lane));
