// How large the bundle is, and how long an isolate takes to begin.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { must } from "./people.mjs";
import { figure, spreadText } from "./report.mjs";
import { builtModules } from "./sides.mjs";
import { say, spread } from "./tools.mjs";

const MAX_MB = 1.5;
const MAX_START_MS = 50;

export function size({ report, build }) {
  const parts = Object.values(builtModules(build)).map((file) => readFileSync(file));
  const megabytes = (bytes) => bytes / 1e6;
  const packed = megabytes(gzipSync(Buffer.concat(parts), { level: 6 }).length);
  const plain = megabytes(parts.reduce((sum, part) => sum + part.length, 0));
  report.row({ what: "Bundle, gzipped", zygo: `${figure(packed)} MB (${figure(plain)} MB unpacked)`, target: `< ${MAX_MB} MB`, met: packed < MAX_MB });
}

/** From workerd's start to the first answer, less the same with a Worker that does nothing in the edge's place. */
export async function startUp({ report, times, zygo, empty }) {
  say("isolate start-up");
  const began = { zygo: [], empty: [] };
  for (let n = 0; n < times; n += 1) {
    for (const [side, begin] of [["zygo", zygo], ["empty", empty]]) {
      const worker = await begin();
      await must(worker.address, 200, { path: "/health" });
      began[side].push(Number(process.hrtime.bigint() - worker.began) / 1e6);
      await worker.stop();
    }
  }
  const extra = spread(began.zygo.map((ms, n) => ms - began.empty[n]));
  report.row({
    what: "Isolate start-up: workerd's start to the first answer, less that with an empty Worker in the edge's place",
    zygo: `${spreadText(extra, " ms")} (whole: ${figure(spread(began.zygo).median)} ms, empty: ${figure(spread(began.empty).median)} ms)`,
    target: `< ${MAX_START_MS} ms`,
    met: extra.median < MAX_START_MS,
  });
}
