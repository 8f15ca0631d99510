// Runs scripts/setup, deploy, rollback and rotate-keys, as an operator would, in a copy of the repository, against a false Cloudflare and a
// real PostgreSQL, and looks at what became of both.
//
//   node tests/operations/run.mjs DIR      DIR is made; DATABASE_URL, XTASK and ZYGO_BUILD_DIR as scripts/lib/operations.sh sets them
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ACCOUNT, TOKEN, start } from "./cloudflare.mjs";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const dir = resolve(process.argv[2]);
/** What is in no clone. */
const MADE = [".git", ".tools", ".zygo", ".wrangler", ".dev.vars", "node_modules", "target"];
const tree = join(dir, "tree");
const cloudflare = await start();
const { account } = cloudflare;

/** The repository as it stands, with the tools that it has here, and Workers that are built already. */
function copy() {
  const filter = (path) => !MADE.includes(basename(path)) && !/workers\/[^/]+\/build$/.test(path);
  cpSync(root, tree, { recursive: true, filter });
  for (const tools of [".tools", "node_modules"]) symlinkSync(join(root, tools), join(tree, tools));
  cpSync(process.env.ZYGO_BUILD_DIR, join(tree, "workers/edge/build"), { recursive: true });
  writeFileSync(join(tree, "scripts/build"), "#!/usr/bin/env bash\nexec node scripts/lib/derived-configs.mjs\n");
  // What the scripts wait for need not pass here.
  mkdirSync(join(dir, "bin"));
  writeFileSync(join(dir, "bin/sleep"), "#!/bin/sh\nexit 0\n");
  chmodSync(join(dir, "bin/sleep"), 0o755);
}

/** Runs a script as an operator: `{status, text}`, what it printed to either. */
function run(script, words, env = {}) {
  return new Promise((done) => {
    const child = spawn(join(tree, "scripts", script), words, {
      cwd: tree,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, PATH: `${join(dir, "bin")}:${process.env.PATH}`, CLOUDFLARE_API_BASE_URL: cloudflare.url, CLOUDFLARE_API_TOKEN: TOKEN, CLOUDFLARE_ACCOUNT_ID: ACCOUNT, CI: "true", ...env },
    });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => (text += bytes));
    child.once("close", (status) => done({ status, text }));
  });
}

async function succeeds(script, words, env) {
  const { status, text } = await run(script, words, env);
  assert.equal(status, 0, `${script} ${words.join(" ")}:\n${text}`);
  assert.deepEqual(account.unknown, [], text);
  return text;
}

const inTree = (file) => readFileSync(join(tree, file), "utf8");
const names = (list, key = "name") => list.map((entry) => entry[key]).sort();
/** What was changed since this was last asked. */
const changes = () => account.done.splice(0);
const secretsOf = (name) => Object.fromEntries(account.workers.get(name).secrets);
const latest = (name) => account.workers.get(name).deployments[0].versions[0].version_id;
const metadata = (name) => account.workers.get(name).versions.at(-1).metadata;
const bindings = (name, type) => metadata(name).bindings.filter((binding) => binding.type === type);
const SHARING = ["zygo-staging", "zygo-staging-background", "zygo-staging-console"];
const WORKERS = ["passwords", "pictures", "saml", "background", "console"].map((name) => `zygo-staging-${name}`).concat("zygo-staging");

const tests = {
  async "what would be done is said, and nothing is asked"() {
    const before = inTree("wrangler.toml");
    const text = await succeeds("setup", ["staging", "--dry-run"], { CLOUDFLARE_API_TOKEN: "", DATABASE_URL: "" });
    for (const word of ["zygo-staging-files", "zygo-staging-jobs-dead", "zygo-staging-directory", "TOKEN_KEYS", "Hyperdrive zygo-staging-app"]) assert.ok(text.includes(word), `${word} in:\n${text}`);
    assert.deepEqual(changes(), []);
    assert.equal(inTree("wrangler.toml"), before);
  },

  async "nothing is deployed to what was not set up"() {
    const { status, text } = await run("deploy", ["staging"]);
    assert.equal(status, 1);
    assert.match(text, /run scripts\/setup staging first/);
    assert.deepEqual(changes(), []);
  },

  async "a wrong token changes nothing"() {
    const before = inTree("wrangler.toml");
    const { status, text } = await run("setup", ["staging"], { CLOUDFLARE_API_TOKEN: "wrong" });
    assert.equal(status, 1);
    assert.match(text, /not signed in/);
    assert.deepEqual([changes(), inTree("wrangler.toml")], [[], before]);
  },

  async "setup makes everything that the environment names"() {
    const text = await succeeds("setup", ["staging"]);
    assert.deepEqual(names(account.queues, "queue_name"), ["jobs", "jobs-dead", "mail", "mail-dead", "webhooks", "webhooks-dead"].map((name) => `zygo-staging-${name}`));
    assert.deepEqual([names(account.buckets), names(account.databases), names(account.namespaces, "title")], [["zygo-staging-files", "zygo-staging-seals"], ["zygo-staging-directory"], ["zygo-staging-cache"]]);
    assert.deepEqual(account.hyperdrive.map(({ name, caching, origin }) => [name, caching, origin.user]), [["zygo-staging-app", { disabled: true }, "zygo_app"], ["zygo-staging-platform", { disabled: true }, "zygo_platform"]]);
    const toml = inTree("wrangler.toml");
    for (const id of [...account.hyperdrive, ...account.namespaces].map(({ id }) => id).concat(account.databases[0].uuid)) assert.ok(toml.includes(`"${id}"`), id);
    assert.ok(toml.includes('"00000000000000000000000000000023"'), "production is left alone");
    for (const name of SHARING) assert.deepEqual(Object.keys(secretsOf(name)).sort(), ["OPS_TOKEN", "SEAL_KEYS", "TOKEN_KEYS"]);
    assert.deepEqual(Object.keys(secretsOf("zygo-staging-saml")), ["SAML_KEYS"]);
    for (const name of SHARING) assert.deepEqual(secretsOf(name), secretsOf("zygo-staging"));
    for (const file of [".zygo/secrets.staging", ".zygo/roles.staging.json"]) assert.equal(statSync(join(tree, file)).mode & 0o077, 0, `${file} is its owner's alone`);
    for (const secret of Object.values(secretsOf("zygo-staging")).concat(account.hyperdrive.map(({ origin }) => origin.password))) assert.ok(!text.includes(secret), "a secret was printed");
    changes();
  },

  async "once more, it leaves alone what is there"() {
    const before = [inTree("wrangler.toml"), inTree(".zygo/secrets.staging"), inTree(".zygo/roles.staging.json")];
    await succeeds("setup", ["staging"]);
    assert.deepEqual(changes(), []);
    assert.deepEqual([inTree("wrangler.toml"), inTree(".zygo/secrets.staging"), inTree(".zygo/roles.staging.json")], before);
  },

  async "a deployment brings migrations first, then the Workers, the edge last"() {
    const owner = new URL(process.env.DATABASE_URL);
    owner.username = "zygo_owner";
    owner.password = JSON.parse(inTree(".zygo/roles.staging.json")).owner;
    process.env.OWNER_URL = owner.href;
    const text = await succeeds("deploy", ["staging"], { DATABASE_URL: owner.href });
    assert.match(text, /migrations applied/);
    assert.ok(account.databases[0].statements.some((sql) => /CREATE TABLE/i.test(sql)), "D1 has its tables");
    const consumed = ["jobs", "jobs-dead", "mail", "mail-dead", "webhooks", "webhooks-dead"].map((name) => `zygo-staging-${name}`);
    assert.deepEqual(changes().filter((change) => change.startsWith("deploy")), WORKERS.map((name) => `deploy ${name}`));
    assert.deepEqual(account.queues.filter((queue) => queue.consumers.length === 1).map((queue) => queue.queue_name).sort(), consumed);
    assert.deepEqual(account.queues.find((queue) => queue.queue_name === "zygo-staging-mail").consumers[0].dead_letter_queue, "zygo-staging-mail-dead");
    assert.deepEqual(account.workers.get("zygo-staging-background").schedules.map(({ cron }) => cron), ["* * * * *", "0 * * * *", "0 0 * * *"]);
    assert.ok(account.workers.get("zygo-staging-background").migration, "its classes of Durable Objects are known");
    assert.deepEqual(bindings("zygo-staging", "hyperdrive").map(({ id }) => id), account.hyperdrive.map(({ id }) => id));
    assert.ok(bindings("zygo-staging", "durable_object_namespace").every(({ script_name }) => script_name === "zygo-staging-background"));
    assert.deepEqual(account.workers.get("zygo-staging").domains.map(({ hostname }) => hostname).sort(), ["admin.staging.zygo.tech", "api.staging.zygo.tech", "staging.getzygo.com"]);
    for (const name of SHARING) assert.deepEqual(Object.keys(secretsOf(name)).length, 3, "a deployment keeps the secrets");
  },

  async "what is deployed again finds its migrations done, and can be taken back"() {
    const first = latest("zygo-staging");
    const text = await succeeds("deploy", ["staging"], { DATABASE_URL: process.env.OWNER_URL });
    assert.match(text, /\b0 migrations applied/);
    assert.notEqual(latest("zygo-staging"), first);
    await succeeds("rollback", ["staging", "--dry-run"]);
    assert.notEqual(latest("zygo-staging"), first);
    await succeeds("rollback", ["staging"]);
    assert.equal(latest("zygo-staging"), first);
    changes();
  },

  async "a new key verifies everywhere before it signs, and the old one stays"() {
    const ring = () => JSON.parse(secretsOf("zygo-staging").TOKEN_KEYS);
    const before = ring();
    await succeeds("rotate-keys", ["staging", "--dry-run"]);
    assert.deepEqual([ring(), changes()], [before, []]);
    const told = [];
    const secrets = account.workers.get("zygo-staging").secrets;
    const set = secrets.set.bind(secrets);
    secrets.set = (name, value) => (told.push(JSON.parse(value)), set(name, value));
    await succeeds("rotate-keys", ["staging"]);
    assert.deepEqual(changes(), [0, 1].flatMap(() => ["", "-background", "-console"].map((worker) => `secret zygo-staging${worker} TOKEN_KEYS`)));
    const [old, made] = told[0].map(({ kid }) => kid);
    assert.deepEqual([old], before.map(({ kid }) => kid));
    assert.deepEqual(told.map((ring) => ring.map(({ kid }) => kid)), [[old, made], [made, old]]);
    for (const name of SHARING) assert.deepEqual(secretsOf(name).TOKEN_KEYS, secretsOf("zygo-staging").TOKEN_KEYS);
  },
};

copy();
let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  const error = await test().then(() => undefined, (error) => error);
  console.log(`test ${name} ... ${error ? "FAILED" : "ok"}`);
  if (error) console.log(error.stack);
  failed += error ? 1 : 0;
}
await cloudflare.stop();
console.log(`test result: ${failed ? "FAILED" : "ok"}. ${Object.keys(tests).length - failed} passed; ${failed} failed`);
process.exit(failed ? 1 : 0);
