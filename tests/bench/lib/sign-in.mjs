// Passwords: memory and answers under many sign-ins at once, and whether time tells which accounts exist.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { ask, PASSWORD, signUp } from "./people.mjs";
import { figure, spreadText } from "./report.mjs";
import { say, sleep, spread } from "./tools.mjs";

const TOGETHER = 200;
const LIMIT_MB = 128;
const TOLERANCE = 0.2;

const megabytes = (kilobytes) => kilobytes / 1024;

/** Resident memory of a process in MB. */
export const resident = (pid) => megabytes(Number(execFileSync("ps", ["-o", "rss=", "-p", String(pid)])));

/** The most it has had since `forget`: exact on Linux, elsewhere sampled. */
export class Peak {
  constructor(pid) {
    this.pid = pid;
    this.seen = resident(pid);
    this.exact = process.platform === "linux";
    if (this.exact) writeFileSync(`/proc/${pid}/clear_refs`, "5");
    else this.timer = setInterval(() => (this.seen = Math.max(this.seen, resident(pid))), 50);
  }

  end() {
    clearInterval(this.timer);
    if (!this.exact) return this.seen;
    return megabytes(Number(readFileSync(`/proc/${this.pid}/status`, "utf8").match(/VmHWM:\s+(\d+)/)[1]));
  }
}

/** 200 people sign in at the same moment, each from an address of their own. */
export async function together({ report, tools, worker, host, database, run }) {
  say(`${TOGETHER} sign-ins at once`);
  const first = `first-${run}@example.com`;
  await signUp(worker.address, first);
  await database.copyAccounts(first, `many-${run}`, TOGETHER, true);
  const body = (email) => ({ method: "POST", path: "/auth/login", host, body: { email, password: PASSWORD } });
  await database.verify(first);
  await ask(worker.address, body(first));
  const before = resident(worker.child.pid);
  const peak = new Peak(worker.child.pid);
  const found = await tools.load(
    {
      address: worker.address,
      host,
      method: "POST",
      path: "/auth/login",
      connections: TOGETHER,
      requests: TOGETHER,
      header: ["cf-connecting-ip: 2001:db8:0:{n}::1"],
      body: JSON.stringify({ email: `many-${run}-{n}@example.com`, password: PASSWORD }),
    },
    [200, 503],
  );
  const most = peak.end();
  const answers = Object.entries(found.statuses).map(([status, n]) => `${n} × ${status}`).join(", ");
  report.row({
    what: `${TOGETHER} sign-ins at once: growth of workerd's memory`,
    zygo: `${figure(most - before)} MB (${figure(before)} → ${figure(most)} MB)`,
    target: `< ${LIMIT_MB} MB`,
    met: most - before < LIMIT_MB,
  });
  report.row({
    what: `${TOGETHER} sign-ins at once: answers`,
    zygo: `${answers}; median ${figure(found.ms.p50)} ms, last ${figure(found.ms.max)} ms`,
    target: "200, or 503 with Retry-After",
    met: Object.values(found.statuses).reduce((sum, n) => sum + n, 0) === TOGETHER,
  });
  await sleep(500);
}

/** Round trips of the way in: signing in by password, and keeping signed in. */
export async function trips({ report, worker, host, database, run }) {
  say("round trips of signing in");
  const email = `trips-${run}@example.com`;
  await signUp(worker.address, email);
  await database.verify(email);
  const counted = { login: new Set(), refresh: new Set() };
  const post = async (path, body) => {
    const answer = await ask(worker.address, { method: "POST", path: `/auth/${path}`, host, headers: { "cf-connecting-ip": "2001:db8:2::1" }, body });
    counted[path].add(answer.headers["server-timing"].match(/rt;desc="?(\d+)/)[1]);
    return JSON.parse(answer.text);
  };
  for (let n = 0; n < 5; n += 1) {
    const session = await post("login", { email, password: PASSWORD });
    await post("refresh", { refresh_token: session.refresh_token });
  }
  for (const [what, path, most] of [["Signing in by password", "login", 2], ["Refreshing", "refresh", 1]]) {
    const found = [...counted[path]].sort();
    report.row({ what: `${what}, round trips (\`rt\`)`, zygo: found.join(", "), target: `≤ ${most}`, met: found.every((rt) => Number(rt) <= most) });
  }
}

/** Sign-ins a second, and how many passwords a Worker could verify that did nothing else. */
export async function hashing({ report, tools, worker, hasher, host, database, rounds, seconds, run }) {
  say("sign-ins a second, and hashes");
  const first = `rate-${run}@example.com`;
  await signUp(worker.address, first);
  await database.verify(first);
  const rates = { signIns: [], hashes: [] };
  const common = { host, connections: 4 };
  for (let round = 0; round < rounds; round += 1) {
    // More accounts than can sign in meanwhile; each does once.
    const requests = seconds * 30;
    await database.copyAccounts(first, `rate-${run}-${round}`, requests, true);
    const body = JSON.stringify({ email: `rate-${run}-${round}-{n}@example.com`, password: PASSWORD });
    const header = ["cf-connecting-ip: 2001:db8:3:{n}::1"];
    rates.signIns.push((await tools.load({ ...common, address: worker.address, method: "POST", path: "/auth/login", requests, header, body })).rate);
    rates.hashes.push((await tools.load({ ...common, address: hasher.address, path: "/", requests })).rate);
  }
  const shares = spread(rates.signIns.map((rate, round) => rate / rates.hashes[round]));
  report.row({
    what: "Sign-ins a second, beside a Worker that verifies a password and does nothing else",
    zygo: spreadText(spread(rates.signIns), "/s"),
    peer: `${spreadText(spread(rates.hashes), "/s")} (hashing alone)`,
    ratio: `${(shares.median * 100).toFixed(0)} % of the time is hashing`,
  });
}

/** Medians for known and unknown accounts, asked in turn; each account and address is used once. */
export async function enumeration({ report, worker, host, database, samples, run }) {
  const known = `known-${run}@example.com`;
  await signUp(worker.address, known);
  const kinds = [
    ["sign-up", "signup", (email) => ({ email, password: PASSWORD }), true],
    ["sign-in, wrong password", "login", (email) => ({ email, password: "not-the-password-1" }), true],
    ["resend", "verify-email/resend", (email) => ({ email }), false],
  ];
  let client = 0;
  for (const [name, path, body, verified] of kinds) {
    say(`account enumeration: ${name}`);
    const prefix = `${name.slice(0, 7)}-${run}`;
    await database.copyAccounts(known, prefix, samples + 2, verified);
    const times = { known: [], unknown: [] };
    const shapes = new Set();
    for (let n = 0; n < samples + 2; n += 1) {
      const both = [["known", `${prefix}-${n}@example.com`], ["unknown", `nobody-${prefix}-${n}@example.com`]];
      for (const [kind, email] of n % 2 ? both.reverse() : both) {
        client += 1;
        const headers = { "cf-connecting-ip": `2001:db8:1:${client}::1`, "x-request-id": "bench-enumeration" };
        const answer = await ask(worker.address, { method: "POST", path: `/auth/${path}`, host, headers, body: body(email) });
        shapes.add(`${answer.status} ${Object.keys(parse(answer.text)).sort()}`);
        // The first two of each warm the way.
        if (n >= 2) times[kind].push(answer.ms);
      }
    }
    const [k, u] = [spread(times.known).median, spread(times.unknown).median];
    const apart = Math.abs(k - u) / Math.min(k, u);
    report.row({
      what: `Account enumeration, ${name}: medians of ${samples}, known and unknown`,
      zygo: `${figure(k)} and ${figure(u)} ms, ${(apart * 100).toFixed(0)} % apart; ${shapes.size} kind of answer`,
      target: `≤ ${TOLERANCE * 100} % apart, 1 kind`,
      met: apart <= TOLERANCE && shapes.size === 1,
    });
  }
}

const parse = (text) => (text ? JSON.parse(text) : {});
