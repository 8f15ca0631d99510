// As the entry of workers/api: a plain handler.
import built from "./worker.js";

const { fetch } = built.prototype;

export default {
  fetch: (request, env, ctx) => fetch.call({ env, ctx }, request),
};
