// The plan's limit by GCRA, in the isolate's memory: the arrival time at which a tenant's next request conforms.
const arrivals = new Map();

export async function admit(c, next) {
  const { tid, rate } = c.get("claims");
  const now = Date.now();
  const interval = 60_000 / rate;
  const arrival = Math.max(arrivals.get(tid) ?? 0, now);
  if (arrival - now > interval * rate * 2) return c.json({ code: "RATE_LIMITED" }, 429);
  arrivals.set(tid, arrival + interval);
  await next();
}
