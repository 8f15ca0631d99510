// Writes the configurations of the two Workers that share the edge's bindings and variables, so that each stands once, in wrangler.toml:
// the console (workers/console), and the one with what works without requests (workers/background).
//
//   node scripts/lib/derived-configs.mjs      → workers/{console,background}/build/wrangler.{development,staging,production}.json
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { unstable_readConfig as readConfig } from "wrangler";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** The migrations of Durable Object classes: append only, as Cloudflare remembers the tags that it has applied. */
const MIGRATIONS = [
  { tag: "v1", new_sqlite_classes: ["SessionsObject", "LimitsObject", "IdempotencyObject", "MailboxObject", "GateObject"] },
  { tag: "v2", new_sqlite_classes: ["OnceObject"] },
  { tag: "v3", new_sqlite_classes: ["DeliveriesObject"] },
  { tag: "v4", new_sqlite_classes: ["StreamObject"] },
];

/** The sweep, the hourly and the daily upkeep (`queues::scheduled`). */
const CRONS = ["* * * * *", "0 * * * *", "0 0 * * *"];

/** Seconds that a queue gathers messages for; somebody waits for a mail, and for news. */
const gathers = (binding) => (binding === "JOBS" ? 1 : 0);

/** Messages of a batch. Those about webhooks only wake whoever does the work, and many say the same. */
const most = (binding) => (binding === "WEBHOOKS" ? 100 : 10);

/** A queue's consumer, and that of its dead letters: what failed for good is read once more, to write down that it is dead. */
const consumers = ({ binding, queue }) => [
  { queue, max_batch_size: most(binding), max_batch_timeout: gathers(binding), max_retries: 5, retry_delay: 5, dead_letter_queue: `${queue}-dead` },
  { queue: `${queue}-dead`, max_batch_size: 10, max_batch_timeout: 1 },
];

const derived = {
  console: (edge) => ({
    services: edge.services.filter(({ binding }) => binding !== "CONSOLE" && binding !== "CLOCK"),
    durable_objects: edge.durable_objects,
    queues: { producers: edge.queues.producers },
  }),
  background: (edge) => ({
    durable_objects: { bindings: edge.durable_objects.bindings.map(({ name, class_name }) => ({ name, class_name })) },
    migrations: MIGRATIONS,
    triggers: { crons: CRONS },
    queues: { producers: edge.queues.producers, consumers: edge.queues.producers.flatMap(consumers) },
  }),
};

for (const environment of ["development", "staging", "production"]) {
  const env = environment === "development" ? undefined : environment;
  const edge = readConfig({ config: join(root, "wrangler.toml"), env }, { hideWarnings: true });
  const { compatibility_date, compatibility_flags, workers_dev, preview_urls, observability, vars, kv_namespaces, hyperdrive, send_email } = edge;
  for (const [worker, own] of Object.entries(derived)) {
    const config = {
      name: `${edge.name}-${worker}`,
      main: `../../edge/build/${worker}/index.js`,
      compatibility_date, compatibility_flags, workers_dev, preview_urls, observability, vars, kv_namespaces, hyperdrive, send_email,
      send_metrics: false,
      d1_databases: edge.d1_databases.map(({ binding, database_name, database_id }) => ({ binding, database_name, database_id })),
      r2_buckets: edge.r2_buckets.map(({ binding, bucket_name }) => ({ binding, bucket_name })),
      ...own(edge),
    };
    const out = join(root, `workers/${worker}/build`);
    mkdirSync(out, { recursive: true });
    // Two runs may write the same at once.
    const partial = join(out, `.wrangler.${environment}.${process.pid}`);
    writeFileSync(partial, `${JSON.stringify(config, null, 2)}\n`);
    renameSync(partial, join(out, `wrangler.${environment}.json`));
  }
}
