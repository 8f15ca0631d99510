// The Worker's entry: plain handlers, as those of workers/api.
import { WorkerEntrypoint } from "cloudflare:workers";
import built from "./worker.js";

// The classes of the Durable Objects.
export * from "./worker.js";

const { queue, scheduled } = built.prototype;

export default {
  queue: (batch, env, ctx) => queue.call({ env, ctx }, batch),
  scheduled: (event, env, ctx) => scheduled.call({ env, ctx }, event),
};

/** What is on the clock, for whom the clock does not reach: wrangler sends its events to the first Worker alone. */
export class Clock extends WorkerEntrypoint {
  tick(cron, scheduledTime) {
    return scheduled.call({ env: this.env, ctx: this.ctx }, { cron, scheduledTime, type: "scheduled" });
  }
}
