// Live notifications: one event to all who are connected to one object, and what they take of memory.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { must } from "./people.mjs";
import { figure } from "./report.mjs";
import { say, sleep, spread } from "./tools.mjs";

/** Streams of one person; the object has no room for more. */
const PER_PERSON = 20;

/** Memory that a process has, in KiB. */
const resident = (child) => Number(readFileSync(`/proc/${child.pid}/status`, "utf8").match(/^VmRSS:\s+(\d+) kB/m)[1]);

const wallClock = () => performance.timeOrigin + performance.now();

/** Opens the streams of a side, sends to all some times, and measures both. */
async function side({ tools, child, listen, send, rounds }) {
  const before = resident(child);
  const listeners = await tools.listen(listen);
  await sleep(1000);
  const memory = (resident(child) - before) / listen.streams;
  const found = { first: [], median: [], last: [] };
  for (let round = 0; round < rounds; round += 1) {
    const heard = listeners.heard();
    const began = wallClock();
    await send(round);
    for (const [name, at] of Object.entries(await heard)) found[name].push(at - began);
    await sleep(200);
  }
  listeners.stop();
  const middle = Object.fromEntries(Object.entries(found).map(([name, times]) => [name, spread(times).median]));
  return { memory, ...middle };
}

/** Both sides, and the rows of the table. */
export async function streams({ report, tools, work, who, token, host, worker, other, listeners: count, rounds }) {
  say(`${count} streams of one object`);
  const tokens = [];
  for (let n = 0; n < Math.ceil(count / PER_PERSON); n += 1) {
    tokens.push(await tools.mint({ ...who, user: crypto.randomUUID(), session: crypto.randomUUID(), out: join(work, `listener-${n}`) }));
  }
  const times = rounds * 4;
  const rename = (n) =>
    must(worker.address, 200, { method: "PATCH", path: `/tenants/${who.tenant}`, host, headers: { authorization: `Bearer ${token}` }, body: { name: `Streams ${n}` } });
  // The first opens the way, as for any object and isolate.
  await rename("begin");
  const ours = await side({
    tools,
    child: worker.child,
    listen: { address: worker.address, host, path: "/events/stream", tokens, streams: count, greetings: 1 },
    send: rename,
    rounds: times,
  });
  const text = JSON.stringify({ type: "event", seq: 1, cursor: "0123456789abcdef.1", event: { id: crypto.randomUUID(), type: "tenant.updated", version: 1, data: { tenant_id: who.tenant, version: 2 }, user_id: who.user, request_id: crypto.randomUUID(), occurred_at: new Date().toISOString() } });
  const theirs = await side({
    tools,
    child: other.child,
    listen: { address: other.address, path: "/", streams: count },
    send: () => must(other.address, 200, { method: "POST", path: "/", body: JSON.parse(text) }),
    rounds: times,
  });
  const told = ({ first, median, last }) => `${figure(first)} / ${figure(median)} / ${figure(last)} ms`;
  const n = count.toLocaleString("en-US");
  report.row({
    what: `One event to ${n} WebSockets of one object: first, median, last arrival after it was asked for (beside Node's \`ws\`)`,
    zygo: told(ours),
    peer: told(theirs),
    ratio: `${figure(ours.last / theirs.last)}× (last)`,
  });
  const span = (found) => found.last - found.first;
  report.row({ what: `The same, from the first to the last`, zygo: `${figure(span(ours))} ms`, peer: `${figure(span(theirs))} ms`, ratio: `${figure(span(ours) / span(theirs))}×` });
  report.row({
    what: `Memory of each of them, in workerd (and in Node)`,
    zygo: `${figure(ours.memory)} KiB`,
    peer: `${figure(theirs.memory)} KiB`,
    ratio: `${figure(ours.memory / theirs.memory)}×`,
  });
}
