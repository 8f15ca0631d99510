// A false Cloudflare, as far as wrangler asks it for what scripts/setup, deploy, rollback and rotate-keys do. It keeps what it is given, and
// answers what it does not know with 404 and a note: a test that meets one fails.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";

export const ACCOUNT = "0123456789abcdef0123456789abcdef";
export const TOKEN = "of-the-tests";
const ZONES = ["zygo.tech", "getzygo.com"];

const hex = () => randomUUID().replaceAll("-", "");
const now = () => new Date().toISOString();

/** What an account holds. */
class Account {
  hyperdrive = [];
  namespaces = [];
  databases = [];
  buckets = [];
  queues = [];
  /** Workers by their names: `{secrets, versions, deployments, schedules, domains, routes, subdomain}`. */
  workers = new Map();
  /** What was changed, in order: `deploy zygo-staging`, `create queue zygo-staging-jobs`. */
  done = [];
  /** What was asked that nobody here knows. */
  unknown = [];

  worker(name) {
    if (!this.workers.has(name)) {
      const empty = { secrets: new Map(), versions: [], deployments: [], schedules: [], domains: [], routes: [], consumers: [], migration: null };
      this.workers.set(name, { name, ...empty });
    }
    return this.workers.get(name);
  }
}

class Failure extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}

const missing = (what, code = 10007) => new Failure(404, code, `${what} does not exist`);

/** The metadata and the parts of a Worker's upload. */
async function upload(request) {
  const form = await new Response(request.body, { headers: { "content-type": request.type } }).formData();
  const files = [...form.keys()].filter((name) => name !== "metadata");
  return { metadata: JSON.parse(form.get("metadata")), files };
}

function put(account, name, { metadata, files }) {
  const worker = account.worker(name);
  // Secrets that are kept are named without their values.
  const version = { id: randomUUID(), number: worker.versions.length + 1, metadata, files, created_on: now() };
  worker.versions.push(version);
  if (metadata.migrations) worker.migration = metadata.migrations.new_tag;
  return { id: name, tag: name, etag: hex(), deployment_id: version.id, startup_time_ms: 1, available_on_subdomain: false, entry_point: metadata.main_module };
}

const view = (version) => ({
  id: version.id, number: version.number, metadata: { created_on: version.created_on, author_email: "", source: "wrangler" },
  annotations: version.metadata.annotations ?? {}, resources: { bindings: version.metadata.bindings ?? [], script: {}, script_runtime: {} },
});

/** Routes: method, pattern, and what is done. `:x` stands for a part of a path. */
const ROUTES = [
  ["GET", "/user", () => ({ id: hex(), email: "ops@zygo-tests.example" })],
  ["GET", "/user/tokens/verify", () => ({ id: hex(), status: "active" })],
  ["GET", "/accounts/:account/tokens/verify", () => ({ id: hex(), status: "active" })],
  ["GET", "/accounts", () => [{ id: ACCOUNT, name: "Tests" }]],
  ["GET", "/memberships", () => [{ id: hex(), account: { id: ACCOUNT, name: "Tests" }, roles: [] }]],
  ["GET", "/zones", ({ query }) => ZONES.filter((name) => !query.get("name") || query.get("name") === name).map((name) => ({ id: name, name, account: { id: ACCOUNT } }))],
  ["GET", "/zones/:zone/workers/routes", () => []],

  ["GET", "/accounts/:account/hyperdrive/configs", ({ account }) => account.hyperdrive],
  ["POST", "/accounts/:account/hyperdrive/configs", ({ account, body }) => add(account, "hyperdrive", { id: hex(), ...body })],
  ["PATCH", "/accounts/:account/hyperdrive/configs/:id", ({ account, id, body }) => Object.assign(find(account.hyperdrive, { id }), body)],
  ["GET", "/accounts/:account/storage/kv/namespaces", ({ account }) => account.namespaces],
  ["POST", "/accounts/:account/storage/kv/namespaces", ({ account, body }) => add(account, "namespaces", { id: hex(), ...body }, body.title)],
  ["GET", "/accounts/:account/d1/database", ({ account }) => account.databases],
  ["POST", "/accounts/:account/d1/database", ({ account, body }) => add(account, "databases", { uuid: randomUUID(), version: "production", statements: [], ...body })],
  ["GET", "/accounts/:account/d1/database/:uuid", ({ account, uuid }) => find(account.databases, { uuid })],
  ["POST", "/accounts/:account/d1/database/:uuid/query", ({ account, uuid, body }) => query(account, find(account.databases, { uuid }), body.sql)],
  ["GET", "/accounts/:account/r2/buckets/:name", ({ account, name }) => find(account.buckets, { name }, 10006)],
  ["POST", "/accounts/:account/r2/buckets", ({ account, body }) => add(account, "buckets", { creation_date: now(), location: "EEUR", storage_class: "Standard", ...body })],
  // How much a bucket holds: nothing yet.
  ["POST", "/graphql", () => ({ viewer: { accounts: [] } })],
  ["GET", "/accounts/:account/queues", ({ account, query }) => account.queues.filter((queue) => !query.get("name") || query.getAll("name").includes(queue.queue_name))],
  ["POST", "/accounts/:account/queues", ({ account, body }) => add(account, "queues", { queue_id: hex(), producers: [], consumers: [], producers_total_count: 0, consumers_total_count: 0, created_on: now(), modified_on: now(), ...body }, body.queue_name)],
  ["GET", "/accounts/:account/queues/:queue_id", ({ account, queue_id }) => find(account.queues, { queue_id })],
  ["GET", "/accounts/:account/queues/:queue_id/consumers", ({ account, queue_id }) => find(account.queues, { queue_id }).consumers],
  ["POST", "/accounts/:account/queues/:queue_id/consumers", ({ account, queue_id, body }) => {
    const queue = find(account.queues, { queue_id });
    queue.consumers.push({ consumer_id: hex(), type: "worker", script: body.script_name, queue_name: queue.queue_name, ...body });
    account.done.push(`consume ${queue.queue_name} ${body.script_name}`);
    return queue.consumers.at(-1);
  }],
  ["PUT", "/accounts/:account/queues/:queue_id/consumers/:consumer_id", ({ account, queue_id, consumer_id, body }) => Object.assign(find(find(account.queues, { queue_id }).consumers, { consumer_id }), body)],

  ["GET", "/accounts/:account/workers/services/:name", ({ account, name }) => service(account, name)],
  ["GET", "/accounts/:account/workers/services/:name/environments/:environment", ({ account, name }) => ({ script: deployed(account, name), environment: "production" })],
  ["GET", "/accounts/:account/workers/services/:name/environments/:environment/bindings", ({ account, name }) => deployed(account, name).versions.at(-1).metadata.bindings ?? []],
  ["GET", "/accounts/:account/workers/services/:name/environments/:environment/routes", ({ account, name }) => deployed(account, name).routes],
  ["GET", "/accounts/:account/workers/services/:name/environments/:environment/subdomain", () => ({ enabled: false, previews_enabled: false })],
  ["GET", "/accounts/:account/workers/scripts", ({ account }) => [...account.workers.values()].map(({ name }) => ({ id: name }))],
  ["GET", "/accounts/:account/workers/workers/:name", ({ account, name }) => ({ id: deployed(account, name).name, name, subdomain: { enabled: false, previews_enabled: false } })],
  ["GET", "/accounts/:account/workers/subdomain", () => ({ subdomain: "zygo-tests" })],
  ["PUT", "/accounts/:account/workers/scripts/:name", async ({ account, name, request }) => {
    const sent = await upload(request);
    // wrangler makes an empty Worker where a secret comes before the first deployment.
    account.done.push(`${sent.metadata.compatibility_date ? "deploy" : "draft"} ${name}`);
    const made = put(account, name, sent);
    const versions = [{ version_id: made.deployment_id, percentage: 100 }];
    account.worker(name).deployments.unshift({ id: randomUUID(), created_on: now(), source: "wrangler", strategy: "percentage", author_email: "", versions, annotations: sent.metadata.annotations ?? {} });
    return made;
  }],
  ["POST", "/accounts/:account/workers/scripts/:name/versions", async ({ account, name, request }) => view((put(account, name, await upload(request)), account.worker(name).versions.at(-1)))],
  ["GET", "/accounts/:account/workers/scripts/:name/versions", ({ account, name }) => ({ items: deployed(account, name).versions.map(view).reverse() })],
  ["GET", "/accounts/:account/workers/scripts/:name/versions/:id", ({ account, name, id }) => view(find(deployed(account, name).versions, { id }))],
  ["GET", "/accounts/:account/workers/scripts/:name/deployments", ({ account, name }) => ({ deployments: deployed(account, name).deployments })],
  ["POST", "/accounts/:account/workers/scripts/:name/deployments", ({ account, name, body }) => {
    const { deployments, versions } = deployed(account, name);
    deployments.unshift({ id: randomUUID(), created_on: now(), source: "wrangler", author_email: "", ...body });
    // wrangler deploys a Worker that is there already as a new version; to deploy an earlier one is to roll back.
    account.done.push(`${body.versions[0].version_id === versions.at(-1).id ? "deploy" : "roll back"} ${name}`);
    return deployments[0];
  }],
  ["GET", "/accounts/:account/workers/scripts/:name/settings", ({ account, name }) => ({ bindings: deployed(account, name).versions.at(-1).metadata.bindings ?? [] })],
  ["GET", "/accounts/:account/workers/scripts/:name/script-settings", () => ({})],
  ["PATCH", "/accounts/:account/workers/scripts/:name/script-settings", ({ body }) => body],
  ["GET", "/accounts/:account/workers/scripts/:name/subdomain", () => ({ enabled: false, previews_enabled: false })],
  ["POST", "/accounts/:account/workers/scripts/:name/subdomain", ({ body }) => body],
  ["GET", "/accounts/:account/workers/scripts/:name/secrets", ({ account, name }) => [...deployed(account, name).secrets.keys()].map((secret) => ({ name: secret, type: "secret_text" }))],
  ["PUT", "/accounts/:account/workers/scripts/:name/secrets", ({ account, name, body }) => {
    deployed(account, name).secrets.set(body.name, body.text);
    account.done.push(`secret ${name} ${body.name}`);
    return { name: body.name, type: "secret_text" };
  }],
  ["PUT", "/accounts/:account/workers/scripts/:name/schedules", ({ account, name, body }) => ({ schedules: (account.worker(name).schedules = body) })],
  ["PUT", "/accounts/:account/workers/scripts/:name/routes", ({ account, name, body }) => (account.worker(name).routes = body).map((route) => ({ id: hex(), script: name, ...route }))],
  ["POST", "/accounts/:account/workers/scripts/:name/domains/changeset", ({ body }) => ({ added: body, removed: [], updated: [], conflicting: [] })],
  ["PUT", "/accounts/:account/workers/scripts/:name/domains/records", ({ account, name, body }) => (account.worker(name).domains = body.origins)],
  ["POST", "/accounts/:account/workers/scripts/:name/assets-upload-session", () => ({ jwt: "all there", buckets: [] })],
];

function add(account, kind, made, name = made.name) {
  account[kind].push(made);
  account.done.push(`create ${kind} ${name}`);
  return made;
}

function find(list, wanted, code) {
  const found = list.find((entry) => Object.entries(wanted).every(([key, value]) => entry[key] === value));
  if (!found) throw missing(JSON.stringify(wanted), code);
  return found;
}

function deployed(account, name) {
  if (!account.workers.has(name)) throw missing(name);
  return account.workers.get(name);
}

function service(account, name) {
  const worker = deployed(account, name);
  const script = { id: name, tag: name, last_deployed_from: "wrangler", created_on: now(), modified_on: now(), migration_tag: worker.migration ?? undefined };
  return { id: name, default_environment: { environment: "production", created_on: now(), modified_on: now(), script }, created_on: now(), modified_on: now(), environments: [] };
}

/** D1, of which wrangler asks which migrations it has, and which it is given. */
function query(account, database, sql) {
  const applied = database.statements.flatMap((text) => [...text.matchAll(/INSERT INTO "?d1_migrations"? \(name\)\s*values \('([^']+)'\)/gi)].map(([, name]) => name));
  database.statements.push(sql);
  const results = /^\s*SELECT \*?[\s\S]*FROM "?d1_migrations/i.test(sql) ? applied.map((name, at) => ({ id: at + 1, name, applied_at: now() })) : [];
  return [{ results, success: true, meta: { duration: 0 } }];
}

async function read(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function answer(account, request) {
  const { pathname, searchParams } = new URL(request.url, "http://x");
  const path = pathname.replace(/^\/client\/v4/, "").split("/");
  if (request.headers.authorization !== `Bearer ${TOKEN}`) throw new Failure(403, 10000, "Authentication error");
  for (const [method, pattern, handle] of ROUTES) {
    const parts = pattern.split("/");
    if (method !== request.method || parts.length !== path.length) continue;
    if (!parts.every((part, at) => part.startsWith(":") || part === path[at])) continue;
    const bound = Object.fromEntries(parts.flatMap((part, at) => (part.startsWith(":") ? [[part.slice(1), decodeURIComponent(path[at])]] : [])));
    if (bound.account !== undefined && bound.account !== ACCOUNT) throw new Failure(403, 10000, "another account");
    const body = await read(request);
    const type = request.headers["content-type"] ?? "";
    // wrangler does not always say that it sends JSON.
    const json = !type.startsWith("multipart/") && body.length > 0 ? JSON.parse(body) : undefined;
    const result = await handle({ ...bound, account, query: searchParams, body: json, request: { body, type } });
    // All lists fit on their first page.
    return Array.isArray(result) && Number(searchParams.get("page") ?? 1) > 1 ? [] : result;
  }
  account.unknown.push(`${request.method} ${pathname}`);
  throw new Failure(404, 7003, `nobody here knows ${request.method} ${pathname}`);
}

/** Starts it: `{url, account, stop}`. */
export async function start() {
  const account = new Account();
  const server = createServer(async (request, response) => {
    let [status, document] = [200, undefined];
    try {
      const result = await answer(account, request);
      document = { success: true, errors: [], messages: [], result };
      if (Array.isArray(result)) document.result_info = { page: 1, per_page: 100, count: result.length, total_count: result.length, total_pages: 1 };
    } catch (error) {
      status = error.status ?? 500;
      document = { success: false, errors: [{ code: error.code ?? 0, message: error.message }], messages: [], result: null };
    }
    const text = JSON.stringify(document);
    response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) }).end(text);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = () => new Promise((resolve) => server.close(resolve).closeAllConnections());
  return { url: `http://127.0.0.1:${server.address().port}/client/v4`, account, stop };
}
