// Runs workerd by itself: no wrangler, no miniflare, no proxy in front. The configuration is text in its own language.
import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, openSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
// The program itself: the package's own `bin/workerd` is a wrapper that starts Node first.
const PROGRAM = require.resolve(`@cloudflare/workerd-${process.platform}-${process.arch === "x64" ? "64" : process.arch}/bin/workerd`, {
  paths: [dirname(require.resolve("workerd/package.json"))],
});

const quote = (text) => JSON.stringify(text);
const list = (items) => `[\n    ${items.join(",\n    ")}\n  ]`;

// What stands in for a service that no measured route waits for: it answers as if it were empty. What it is sent it reads: whoever sent it
// would wait for that, after its answer, with its connection to Postgres.
const STUB = `export default { async fetch(request, env) {
  await request.arrayBuffer();
  if (env.KIND === "queue") return Response.json({ metadata: { metrics: { backlogCount: 0, backlogBytes: 0, oldestMessageTimestamp: 0 } } });
  if (env.KIND === "kv" && request.method === "GET") return new Response(null, { status: 404 });
  if (env.KIND === "d1") return Response.json([{ success: true, results: { columns: [], rows: [] }, meta: {} }]);
  return Response.json({});
} };`;

const MODULE_KINDS = { js: "esModule", mjs: "esModule", wasm: "wasm", txt: "text", json: "json" };

function binding(name, value) {
  const [kind, detail] = Object.entries(value)[0];
  const q = quote(detail);
  switch (kind) {
    case "text":
    case "service":
    case "queue":
    case "kvNamespace":
    case "r2Bucket":
      return `(name = ${quote(name)}, ${kind} = ${q})`;
    case "durableObjectNamespace": {
      const [className, serviceName] = [detail].flat();
      const text = serviceName ? `(className = ${quote(className)}, serviceName = ${quote(serviceName)})` : quote(className);
      return `(name = ${quote(name)}, durableObjectNamespace = ${text})`;
    }
    case "d1":
      return `(name = ${quote(name)}, wrapped = (moduleName = "cloudflare-internal:d1-api", innerBindings = [(name = "fetcher", service = ${q})]))`;
    case "hyperdrive": {
      const url = new URL(detail);
      const fields = { designator: name, database: url.pathname.slice(1), user: url.username, password: decodeURIComponent(url.password), scheme: "postgresql" };
      const text = Object.entries(fields).map(([key, field]) => `${key} = ${quote(field)}`);
      return `(name = ${quote(name)}, hyperdrive = (${text.join(", ")}))`;
    }
    default:
      throw new Error(`no such kind of binding: ${kind}`);
  }
}

const modulesOf = (modules, folder = "") =>
  list(Object.keys(modules).map((name) => `(name = ${quote(name)}, ${MODULE_KINDS[name.split(".").pop()]} = embed ${quote(folder + name)})`));

/** The text of one Worker; `folder` is where its modules lie. Whose objects it has, keeps them on the disk. */
function service(name, worker, date, folder) {
  const bindings = Object.entries(worker.bindings ?? {});
  const objects = bindings.map(([, value]) => value.durableObjectNamespace).filter((kind) => typeof kind === "string");
  const fields = [
    `modules = ${modulesOf(worker.modules, folder)}`,
    `bindings = ${list(bindings.map(([name, value]) => binding(name, value)))}`,
    `compatibilityDate = ${quote(date)}`,
    `compatibilityFlags = [${(worker.flags ?? []).map(quote).join(", ")}]`,
  ];
  if (objects.length > 0) {
    const namespaces = objects.map((name) => `(className = ${quote(name)}, uniqueKey = ${quote(name)}, enableSql = true)`);
    fields.push(`durableObjectNamespaces = ${list(namespaces)}`, `durableObjectStorage = (localDisk = "disk")`);
  }
  return `(name = ${quote(name)}, worker = (${fields.join(",\n  ")}))`;
}

function services(worker) {
  const beside = Object.entries(worker.beside ?? {});
  const bindings = [worker, ...Object.values(worker.beside ?? {})].flatMap((each) => Object.entries(each.bindings ?? {}));
  const all = [service("main", worker, worker.date, ""), ...beside.map(([name, each]) => service(name, each, worker.date, `${name}/`))];
  if (bindings.some(([, value]) => value.durableObjectNamespace)) all.push(`(name = "disk", disk = (path = "objects", writable = true))`);
  for (const kind of ["kv", "d1", "r2", "queue", "assets"]) {
    if (worker.beside?.[kind]) continue;
    const stub = `modules = [(name = "stub.js", esModule = ${quote(STUB)})], bindings = [(name = "KIND", text = ${quote(kind)})], compatibilityDate = ${quote(worker.date)}`;
    if (bindings.some(([, value]) => Object.values(value)[0] === kind)) all.push(`(name = ${quote(kind)}, worker = (${stub}))`);
  }
  // By itself it calls public addresses only; what the bench delivers to is here.
  if (worker.calls) all.push(`(name = "internet", network = (allow = ["public", "private", "local"]))`);
  const databases = new Map(bindings.filter(([, value]) => value.hyperdrive).map(([name, value]) => [name, value.hyperdrive]));
  for (const [name, url] of databases) all.push(`(name = ${quote(name)}, external = (address = ${quote(new URL(url).host)}, tcp = ()))`);
  return all;
}

/**
 * Starts a Worker and waits until it listens.
 *
 * `worker.modules` maps names to files, the main one first; `worker.bindings` names to `{kind: detail}`; `worker.beside` maps
 * names of further Workers to theirs; those in `worker.doors` can be reached from outside too; `worker.calls` says whether it may call
 * this machine; `dir` is emptied.
 * Answers `{address, doors, child, stop}`. Its console goes nowhere; its errors to `dir/stderr`.
 */
export async function start(worker, dir) {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(join(dir, "objects"), { recursive: true });
  const beside = Object.entries(worker.beside ?? {}).flatMap(([service, { modules }]) => Object.entries(modules).map(([name, file]) => [`${service}/${name}`, file]));
  for (const [name, file] of [...Object.entries(worker.modules), ...beside]) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    copyFileSync(file, join(dir, name));
  }
  const doors = ["main", ...(worker.doors ?? [])];
  const sockets = doors.map((name) => `(name = ${quote(name)}, address = "127.0.0.1:0", http = (), service = ${quote(name)})`);
  const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = ${list(services(worker))},
  sockets = ${list(sockets)}
);
`;
  // It holds passwords of a throw-away database and keys of this run.
  writeFileSync(join(dir, "config.capnp"), config, { mode: 0o600 });
  const began = process.hrtime.bigint();
  const child = spawn(PROGRAM, ["serve", "--experimental", "--control-fd=3", "config.capnp"], {
    cwd: dir,
    stdio: ["ignore", "ignore", openSync(join(dir, "stderr"), "w"), "pipe"],
  });
  const addresses = await listening(child, dir, doors.length);
  const stop = () =>
    new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve();
      child.once("exit", resolve);
      child.kill("SIGKILL");
    });
  return { address: addresses.get("main"), doors: doors.slice(1).map((name) => addresses.get(name)), child, began, stop };
}

/** Where each socket listens, once all do. */
function listening(child, dir, count) {
  return new Promise((resolve, reject) => {
    let text = "";
    const addresses = new Map();
    child.once("exit", (code) => reject(new Error(`workerd ended with ${code}; see ${join(dir, "stderr")}`)));
    child.stdio[3].on("data", (bytes) => {
      text += bytes;
      for (const line of text.split("\n").slice(0, -1)) {
        const event = JSON.parse(line);
        if (event.event === "listen") addresses.set(event.socket, `127.0.0.1:${event.port}`);
      }
      if (addresses.size === count) resolve(addresses);
    });
  });
}
