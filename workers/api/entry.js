// The Worker's entry: plain handlers. worker-build's own entry is a class behind a Proxy, made anew for every request,
// which costs a cheap route a fifth of its throughput; its handlers are called here without it.
import built from "./worker.js";

// The classes of the Durable Objects.
export * from "./worker.js";

const { fetch, queue, scheduled } = built.prototype;

export default {
  fetch: (request, env, ctx) => fetch.call({ env, ctx }, request),
  queue: (batch, env, ctx) => queue.call({ env, ctx }, batch),
  scheduled: (event, env, ctx) => scheduled.call({ env, ctx }, event),
};
