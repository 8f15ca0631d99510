// The Worker's entry: a plain handler. worker-build's own entry is a class behind a Proxy, made anew for every request,
// which costs a cheap route a fifth of its throughput; its handler is called here without it.
import built from "./worker.js";

const { fetch } = built.prototype;

export default {
  fetch: (request, env, ctx) => fetch.call({ env, ctx }, request),
  // While developing; at Cloudflare the clock knows workers/background.
  scheduled: (event, env) => env.CLOCK.tick(event.cron, event.scheduledTime),
};
