// Lists, searches and exports where an organisation is large: in a database of its own, filled by SQL.
import http from "node:http";
import { readFileSync } from "node:fs";
import { must, PASSWORD, signUp } from "./people.mjs";
import { figure, spreadText } from "./report.mjs";
import { Peak, resident } from "./sign-in.mjs";
import { say, sleep, spread } from "./tools.mjs";

const DAYS = 90;
const LIMIT_MB = 128;
/** Tables of which nothing may be read from end to end. */
const BIG = "relname IN ('users', 'user_roles') OR relname LIKE 'audit_logs%'";

const thousands = (number) => number.toLocaleString("en-US");

/** An organisation on the largest plan, and its owner's session in it. */
async function organisation({ address, host, database, run }) {
  const email = `large-${run}@example.com`;
  const headers = { "cf-connecting-ip": "2001:db8:5::1" };
  await signUp(address, email);
  await database.verify(email);
  const post = async (path, body, token) => {
    const all = { ...headers, ...(token && { authorization: `Bearer ${token}` }) };
    return JSON.parse((await must(address, path === "/tenants" ? 201 : 200, { method: "POST", path, host, headers: all, body })).text);
  };
  const { access_token: platform } = await post("/auth/login", { email, password: PASSWORD });
  const { id } = await post("/tenants", { name: "Large", slug: `large-${run}` }, platform);
  await database.rows("UPDATE tenants SET plan = 'enterprise' WHERE id = $1", [id]);
  const { access_token: token } = await post("/auth/switch-tenant", { tenant_id: id }, platform);
  return { id, headers: { ...headers, authorization: `Bearer ${token}` } };
}

async function fill({ database, tenant, members, rows }) {
  const text = readFileSync(new URL("large.sql", import.meta.url), "utf8").replace(/^--.*$/gm, "");
  const filled = Object.entries({ TENANT: tenant, MEMBERS: members, ROWS: rows, DAYS }).reduce((sql, [name, value]) => sql.replaceAll(`$${name}`, value), text);
  const client = await database.pool.connect();
  try {
    for (const statement of filled.split(/;\s*\n/).filter((one) => one.trim())) await client.query(statement);
  } finally {
    client.release(true);
  }
}

/** Rows that sequential scans have read of the big tables, once every connection of the Worker has reported. */
async function scanned(database) {
  await sleep(1200);
  const [{ rows }] = await database.rows(`SELECT coalesce(sum(seq_tup_read), 0)::bigint AS rows FROM pg_stat_user_tables WHERE ${BIG}`);
  return Number(rows);
}

/** A cursor after so many pages of a hundred. */
async function deep(get, path, pages) {
  let cursor = "";
  for (let page = 0; page < pages; page += 1) {
    const answer = JSON.parse((await get(`${path}${path.includes("?") ? "&" : "?"}limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)).text);
    cursor = answer.next_cursor ?? cursor;
  }
  return cursor;
}

/** The questions that are asked, as name and path. */
async function questions({ get, tenant, database, pages }) {
  const users = `/tenants/${tenant}/users`;
  const newest = "SELECT resource_id AS id, user_id FROM audit_logs WHERE tenant_id = $1 ORDER BY created_at DESC, id DESC LIMIT 1 OFFSET 1000";
  const [{ id, user_id: actor }] = await database.rows(newest, [tenant]);
  const onward = async (path) => `${path}?cursor=${encodeURIComponent(await deep(get, path, pages))}`;
  const day = (before) => new Date(Date.now() - before * 86_400_000).toISOString();
  return {
    members: [
      ["the first page", users],
      [`the page after ${thousands(pages * 100)}`, await onward(users)],
      ["a search that many fit", `${users}?search=ada`],
      ["a search that a few fit", `${users}?search=person-4711`],
      ["a search that nobody fits", `${users}?search=nobody%20at%20all`],
      ["one role", `${users}?role=developer`],
      ["the suspended", `${users}?status=suspended`],
      ["a search in one role", `${users}?search=surname&role=viewer`],
    ],
    audit: [
      ["the first page", "/audit-logs"],
      [`the page after ${thousands(pages * 100)}`, await onward("/audit-logs")],
      ["one actor", `/audit-logs?actor=${actor}`],
      ["one action", "/audit-logs?action=roles.delete"],
      ["an action that never was", "/audit-logs?action=roles.nothing"],
      ["one kind of thing", "/audit-logs?resource_type=invitations"],
      ["one thing", `/audit-logs?resource_id=${id}`],
      ["one actor and an action that is not theirs", `/audit-logs?actor=${actor}&action=roles.delete`],
      ["an action and a kind of thing that never met", "/audit-logs?action=invitations.delete&resource_type=roles"],
      ["one day of long ago", `/audit-logs?from=${day(60)}&to=${day(59)}`],
    ],
  };
}

async function measure({ report, get, database, samples, what, asked }) {
  for (const [name, path] of asked) {
    const trips = new Set();
    const times = [];
    await get(path);
    const before = await scanned(database);
    for (let n = 0; n < samples; n += 1) {
      const answer = await get(path);
      trips.add(answer.headers["server-timing"].match(/rt;desc="?(\d+)/)[1]);
      times.push(answer.ms);
    }
    const read = (await scanned(database)) - before;
    const rt = [...trips].sort().join(", ");
    report.row({
      what: `${what}: ${name}`,
      zygo: `${spreadText(spread(times), " ms")}; \`rt\` ${rt}; ${thousands(read)} rows by sequential scans`,
      target: "`rt` 1, none",
      met: rt === "1" && read === 0,
    });
  }
}

/** Reads a file to its end without keeping it; answers its lines and seconds. */
function stream(address, host, headers, path) {
  const [hostname, port] = address.split(":");
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const request = http.get({ hostname, port, path, headers: { ...headers, host } }, (response) => {
      let lines = 0;
      response.on("data", (chunk) => {
        for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines += 1;
      });
      response.on("end", () => resolve({ status: response.statusCode, whole: response.complete, lines, seconds: (performance.now() - began) / 1000 }));
      response.on("error", reject);
    });
    request.on("error", reject);
  });
}

async function exported({ report, worker, host, headers, rows, all }) {
  const from = new Date(Date.now() - (DAYS * 86_400_000 * rows) / all).toISOString();
  for (const format of ["jsonl", "csv"]) {
    say(`an export of ${thousands(rows)} rows as ${format}`);
    const before = resident(worker.child.pid);
    const peak = new Peak(worker.child.pid);
    const found = await stream(worker.address, host, headers, `/audit-logs?format=${format}&from=${encodeURIComponent(from)}`);
    const most = peak.end();
    report.row({
      what: `Export of the trail as ${format}: growth of workerd's memory`,
      zygo: `${figure(most - before)} MB (${figure(before)} → ${figure(most)} MB) for ${thousands(found.lines)} lines in ${figure(found.seconds)} s, ${figure(found.lines / found.seconds)} lines/s`,
      target: `< ${LIMIT_MB} MB, all lines`,
      met: found.status === 200 && found.whole && Math.abs(found.lines - rows) < rows / 100 && most - before < LIMIT_MB,
    });
  }
}

export async function large({ report, worker, host, database, run, members, auditRows, pages, samples }) {
  const { address } = worker;
  const { id: tenant, headers } = await organisation({ address, host, database, run });
  say(`${thousands(members)} members and ${thousands(auditRows)} rows of the trail; this takes minutes`);
  await fill({ database, tenant, members, rows: auditRows });
  const get = (path) => must(address, 200, { path, host, headers });
  const asked = await questions({ get, tenant, database, pages });
  say("members");
  await measure({ report, get, database, samples, what: `\`GET /tenants/{id}/users\`, ${thousands(members)} members`, asked: asked.members });
  say("the audit trail");
  await measure({ report, get, database, samples, what: `\`GET /audit-logs\`, ${thousands(auditRows)} rows`, asked: asked.audit });
  await exported({ report, worker, host, headers, rows: auditRows / 5, all: auditRows });
}
