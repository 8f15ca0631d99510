// Serves the built Worker on workerd with every binding of wrangler.toml, without wrangler's proxy, watcher and cache.
// The system tests and the bench start it, kill it, and start it again on the same state.
//
//   node tests/runtime/serve.mjs --state DIR [--port N] [--build DIR] [--vars FILE]
//
//   --state DIR   outlives the process: Durable Objects, D1, KV, R2 (queues live in memory)
//   --port N      0 (default) takes a free one
//   --build DIR   the built Worker, workers/edge/build by default
//   --edge DIR    another edge than the built Worker's own
//   --vars FILE   JSON object of variables and secrets, over those of wrangler.toml; .dev.vars is not read
//
// The URLs behind the Hyperdrive bindings come from the environment, as wrangler takes them:
// CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_DB and …_DB_PLATFORM.
//
// Each line of JSON on standard input, {"queue": BINDING, "body": MESSAGE}, puts a message on a queue, as if it came again; BINDING_DEAD is
// its dead-letter queue.
//
// Two variables are this file's own. EMAIL_URL: whoever is given what the Worker gives the send_email binding, as JSON by POST; an answer
// {"code"} is the error that the binding throws. QUEUE_RETRIES: how often a queue retries a message before it goes to the dead letters.
//
// When it serves, it prints one line of JSON on standard output: {"url", "port", "pid"}. Everything the Worker logs goes
// to standard error, a line each. SIGTERM ends it in order. For a crash send SIGKILL to the whole process group:
// workerd is a child process and would survive its parent. Cron: GET /cdn-cgi/local/scheduled?cron=*+*+*+*+*

import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { devNull } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const { values: options } = parseArgs({
  options: {
    state: { type: "string" },
    port: { type: "string", default: "0" },
    build: { type: "string", default: join(root, "workers/edge/build") },
    edge: { type: "string" },
    vars: { type: "string" },
  },
});
if (!options.state) throw new Error("--state DIR is missing");
const build = resolve(options.build);
const vars = options.vars ? JSON.parse(readFileSync(options.vars, "utf8")) : {};
mkdirSync(options.state, { recursive: true });

// A Worker without a database starts all the same: it says DEPENDENCY_UNAVAILABLE where it needs one.
for (const binding of ["DB", "DB_PLATFORM"]) {
  process.env[`CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_${binding}`] ??= "postgres://nobody:nothing@127.0.0.1:1/nowhere";
}
// Nothing of this run may land in the user's home, or meet another run there.
process.env.WRANGLER_LOG = "error";
process.env.WRANGLER_SEND_METRICS = "false";
process.env.WRANGLER_WRITE_LOGS = "false";
process.env.XDG_CONFIG_HOME = join(options.state, "config");

const { Log, LogLevel, Miniflare, convertV4MiniflareOptions } = await import("miniflare");
const { unstable_getMiniflareWorkerOptions, unstable_splitSqlQuery } = await import("wrangler");

/** Miniflare's own messages, kept away from standard output. */
class ErrorLog extends Log {
  log(message) {
    process.stderr.write(`${message}\n`);
  }
}

/** A Worker of a configuration, with the modules of its build. */
function worker(name, config, build, bindings) {
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(root, config), undefined, { envFiles: [devNull] });
  return {
    ...workerOptions,
    name,
    bindings: { ...workerOptions.bindings, ...bindings },
    modulesRoot: build,
    modules: readdirSync(build)
      .filter((file) => /\.(js|wasm)$/.test(file))
      .sort()
      .map((file) => ({ type: file.endsWith(".js") ? "ESModule" : "CompiledWasm", path: join(build, file) })),
  };
}

/** One that shares the edge's bindings, as scripts/build has derived it from the edge's configuration. */
const derived = (name, vars) => worker(`zygo-${name}`, `workers/${name}/build/wrangler.development.json`, join(build, name), vars);

const { SAML_KEYS, EMAIL_URL, QUEUE_RETRIES, ...edgeVars } = vars;

/** Whoever is served, with a way onto the dead-letter queues. */
function edge() {
  const served = worker("zygo", "wrangler.toml", resolve(options.edge ?? build), edgeVars);
  const dead = Object.entries(served.queueProducers).map(([binding, { queueName }]) => [`${binding}_DEAD`, { queueName: `${queueName}-dead` }]);
  return { ...served, queueProducers: { ...served.queueProducers, ...Object.fromEntries(dead) } };
}

/** What works without requests, with the part that the tests play of what is around it. */
function background() {
  const { email, ...played } = derived("background", edgeVars);
  if (QUEUE_RETRIES !== undefined) {
    for (const consumer of Object.values(played.queueConsumers)) if (consumer.deadLetterQueue) consumer.maxRetries = Number(QUEUE_RETRIES);
  }
  if (EMAIL_URL === undefined) return { ...played, email };
  return { ...played, serviceBindings: { ...played.serviceBindings, EMAIL: { name: "email", entrypoint: "Email" } } };
}

/** The send_email binding, as Cloudflare describes it: a method that takes a message, and throws an error with a code. */
const email = EMAIL_URL === undefined ? [] : [{
  name: "email",
  compatibilityDate: "2026-10-23",
  modules: [{ type: "ESModule", path: join(root, "tests/runtime/email.mjs") }],
  modulesRoot: join(root, "tests/runtime"),
  bindings: { EMAIL_URL },
}];

const miniflare = new Miniflare(convertV4MiniflareOptions({
  host: "127.0.0.1",
  port: Number(options.port),
  resourcePersistencePath: options.state,
  // Without it, miniflare asks the network where on earth it is.
  cf: false,
  log: new ErrorLog(LogLevel.WARN),
  logRequests: false,
  telemetry: { enabled: false },
  unsafeTriggerHandlers: true,
  handleStructuredLogs: ({ message }) => process.stderr.write(`${message}\n`),
  // The first is the one that is served.
  workers: [
    edge(),
    background(),
    derived("console", edgeVars),
    worker("zygo-passwords", "workers/passwords/wrangler.toml", join(build, "passwords"), {}),
    worker("zygo-pictures", "workers/pictures/wrangler.toml", join(build, "pictures"), {}),
    worker("zygo-saml", "workers/saml/wrangler.toml", join(build, "saml"), SAML_KEYS === undefined ? {} : { SAML_KEYS }),
    ...email,
  ],
}));

/** Applies d1-migrations/, remembering them in the table that wrangler uses for that. */
async function migrateDirectory() {
  const database = await miniflare.getD1Database("DIRECTORY");
  await database.prepare("CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)").run();
  const { results } = await database.prepare("SELECT name FROM d1_migrations").all();
  const applied = new Set(results.map(({ name }) => name));
  for (const name of readdirSync(join(root, "d1-migrations")).filter((file) => file.endsWith(".sql")).sort()) {
    if (applied.has(name)) continue;
    const statements = unstable_splitSqlQuery(readFileSync(join(root, "d1-migrations", name), "utf8"));
    await database.batch([
      ...statements.map((statement) => database.prepare(statement)),
      database.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name),
    ]);
  }
}

for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, async () => {
    await miniflare.dispose();
    process.exit(0);
  });
}
const url = await miniflare.ready;
await migrateDirectory();
createInterface({ input: process.stdin }).on("line", async (line) => {
  const { queue, body } = JSON.parse(line);
  const producer = await miniflare.getQueueProducer(queue);
  await producer.send(body);
});
process.stdout.write(`${JSON.stringify({ url: url.origin, port: Number(url.port), pid: process.pid })}\n`);
