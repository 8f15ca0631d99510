// The Worker's entry, as that of workers/api: a plain handler. It has no queues, no clock, and no objects of its own.
import built from "./worker.js";

const { fetch } = built.prototype;

export default {
  fetch: (request, env, ctx) => fetch.call({ env, ctx }, request),
};
