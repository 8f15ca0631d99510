// The two sides: Zygo's built Worker, and the peer.
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { unstable_readConfig as readConfig } from "wrangler";
import { start } from "./workerd.mjs";

/** Modules of a built Worker: `index.js` first, then whatever else the build put beside it. */
export function builtModules(build) {
  const files = readdirSync(build).filter((name) => /\.(js|wasm)$/.test(name));
  files.sort((a, b) => (b === "index.js") - (a === "index.js") || a.localeCompare(b));
  return Object.fromEntries(files.map((name) => [name, join(build, name)]));
}

/** Everything of the bench's Worker except where Postgres is. */
export class Sides {
  constructor({ root, build, secrets, work, peer }) {
    Object.assign(this, { root, build, secrets, work, peer });
    this.config = readConfig({ config: join(root, "wrangler.toml") }, { hideWarnings: true });
    this.issuer = this.config.vars.ISSUER;
    this.audience = this.config.vars.AUDIENCE;
    this.host = new URL(this.issuer).host;
  }

  /**
   * Starts Zygo with these databases, `{app, platform}`: if need be with its console, in several isolates, with a Worker that is its queues,
   * and beside further Workers, `{name: {modules, bindings}}`, with these bindings of its own. Each further isolate and each further Worker
   * has a door. `modules` may be of a Worker that takes the edge's place.
   */
  zygo(database, name = "zygo", { isolates = 1, console = false, queue, others = {}, modules = builtModules(this.build) } = {}) {
    const bindings = { DB: { hyperdrive: database.app }, DB_PLATFORM: { hyperdrive: database.platform } };
    for (const { binding } of this.config.kv_namespaces) bindings[binding] = { kvNamespace: "kv" };
    for (const { binding } of this.config.r2_buckets) bindings[binding] = { r2Bucket: "r2" };
    for (const { binding } of this.config.d1_databases) bindings[binding] = { d1: "d1" };
    for (const { binding } of this.config.queues.producers) bindings[binding] = { queue: "queue" };
    for (const [id, value] of Object.entries({ ...this.config.vars, ...this.secrets })) bindings[id] = { text: value };
    const { compatibility_date: date, compatibility_flags: flags } = this.config;
    const objects = (of) => Object.fromEntries(this.config.durable_objects.bindings.map(({ name: id, class_name: kind }) => [id, { durableObjectNamespace: of(kind) }]));
    // Of the Workers beside the edge, the one that has the objects, and the one that signing up needs.
    const beside = {
      background: { modules: builtModules(join(this.build, "background")), bindings: { ...bindings, ...objects((kind) => kind) }, flags },
      passwords: { modules: builtModules(join(this.build, "passwords")) },
    };
    Object.assign(bindings, objects((kind) => [kind, "background"]), {
      [this.config.assets.binding]: { service: "assets" },
      PASSWORDS: { service: "passwords" },
    });
    if (console) {
      beside.console = { modules: builtModules(join(this.build, "console")), bindings: { ...bindings }, flags };
      bindings.CONSOLE = { service: "console" };
    }
    if (queue) beside.queue = queue;
    const doors = [];
    for (let n = 2; n <= isolates; n += 1) {
      beside[`isolate-${n}`] = { modules, bindings, flags };
      doors.push(`isolate-${n}`);
    }
    for (const [other, worker] of Object.entries(others)) {
      const own = Object.fromEntries(worker.bindings.map((id) => [id, bindings[id]]));
      beside[other] = { modules: worker.modules, bindings: own };
      doors.push(other);
    }
    return start({ modules, bindings, date, flags, beside, doors, calls: queue !== undefined }, join(this.work, name));
  }

  /** Starts the peer with the same database and the keys and catalogue that Zygo publishes. */
  async hono(database, published, name = "hono") {
    const bundle = join(this.work, "peer.js");
    this.bundle(bundle);
    const bindings = {
      DB: { hyperdrive: database.app },
      JWKS: { text: published.jwks },
      CATALOGUE: { text: published.catalogue },
      ISSUER: { text: this.issuer },
      AUDIENCE: { text: this.audience },
    };
    return start({ modules: { "index.js": bundle }, bindings, date: this.config.compatibility_date }, join(this.work, name));
  }

  /** Starts a Worker without bindings. */
  alone(build, name) {
    return start({ modules: builtModules(build), date: this.config.compatibility_date }, join(this.work, name));
  }

  /** Starts what Zygo starts, but with a Worker that does nothing in the edge's place. */
  empty(database) {
    const file = join(this.work, "empty.js");
    writeFileSync(file, 'export default { fetch() { return new Response("ok"); } };\n');
    return this.zygo(database, "empty", { modules: { "index.js": file } });
  }

  bundle(out) {
    // pg is CommonJS: what it requires of Node, workerd has.
    const banner = 'import { createRequire } from "node:module"; const require = createRequire("/");';
    const esbuild = join(this.root, "node_modules/.bin/esbuild");
    const flags = ["--bundle", "--format=esm", "--platform=node", "--conditions=workerd,worker", "--external:cloudflare:*", "--external:pg-native"];
    execFileSync(esbuild, ["src/index.js", ...flags, "--log-level=warning", `--banner:js=${banner}`, `--outfile=${out}`], { cwd: this.peer });
  }
}

/** Secrets of a file of `NAME='value'` lines. */
export function readSecrets(file) {
  const lines = readFileSync(file, "utf8").split("\n").filter((line) => /^[A-Z_]+=/.test(line));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1).replace(/^'|'$/g, "")]));
}
