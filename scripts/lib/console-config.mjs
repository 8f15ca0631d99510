// Writes the configurations of the Worker beside the edge (workers/console): the edge's own, without what only one of the two may have,
// and with the edge's Durable Objects. So every binding and variable stands once, in wrangler.toml.
//
//   node scripts/lib/console-config.mjs      → workers/console/build/wrangler.{development,staging,production}.json
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { unstable_readConfig as readConfig } from "wrangler";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const out = join(root, "workers/console/build");
mkdirSync(out, { recursive: true });
for (const environment of ["development", "staging", "production"]) {
  const env = environment === "development" ? undefined : environment;
  const edge = readConfig({ config: join(root, "wrangler.toml"), env }, { hideWarnings: true });
  const { compatibility_date, compatibility_flags, workers_dev, preview_urls, observability, vars, kv_namespaces, hyperdrive, send_email } = edge;
  const config = {
    name: `${edge.name}-console`,
    main: "../../edge/build/console/index.js",
    compatibility_date, compatibility_flags, workers_dev, preview_urls, observability, vars, kv_namespaces, hyperdrive, send_email,
    send_metrics: false,
    d1_databases: edge.d1_databases.map(({ binding, database_name, database_id }) => ({ binding, database_name, database_id })),
    r2_buckets: edge.r2_buckets.map(({ binding, bucket_name }) => ({ binding, bucket_name })),
    services: edge.services.filter(({ binding }) => binding !== "CONSOLE"),
    durable_objects: { bindings: edge.durable_objects.bindings.map(({ name, class_name }) => ({ name, class_name, script_name: edge.name })) },
    queues: { producers: edge.queues.producers },
  };
  // Two runs may write the same at once.
  const partial = join(out, `.wrangler.${environment}.${process.pid}`);
  writeFileSync(partial, `${JSON.stringify(config, null, 2)}\n`);
  renameSync(partial, join(out, `wrangler.${environment}.json`));
}
