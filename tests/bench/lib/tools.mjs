// What the sections of the benchmark share: the load generator, tokens, the slow wire, and arithmetic.
import { execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Progress, on standard error. */
export const say = (text) => process.stderr.write(`  ${text}\n`);

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The middle of some numbers, with the least and the greatest. */
export function spread(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = sorted.length % 2 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted[sorted.length - 1] };
}

const options = (given) =>
  Object.entries(given).flatMap(([name, value]) => {
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    if (value === undefined || value === false) return [];
    if (value === true) return [flag];
    return Array.isArray(value) ? value.flatMap((one) => [flag, one]) : [flag, String(value)];
  });

/** The tools of `tests/bench/load`, compiled to `program`. */
export class Tools {
  constructor(program) {
    this.program = program;
  }

  /** Sends load; answers its report. Anything but the expected status fails the benchmark. */
  async load(given, expected = [200]) {
    const { stdout } = await run(this.program, ["run", ...options(given)], { maxBuffer: 1 << 24 });
    const report = JSON.parse(stdout);
    const odd = Object.keys(report.statuses).filter((status) => !expected.includes(Number(status)));
    if (odd.length > 0 || report.broken > 0 || report.requests === 0) {
      throw new Error(`${given.method ?? "GET"} ${given.path} at ${given.address} answered ${JSON.stringify(report)}`);
    }
    return report;
  }

  /** Writes access tokens to a file. */
  async mint(given) {
    await run(this.program, ["mint", ...options(given)]);
    return given.out;
  }

  /** Who listen: opens WebSockets; answers `{heard, stop}`, where `heard()` says when the next message reached the first, the middle and the last. */
  async listen(given) {
    const child = spawn(this.program, ["listen", ...options(given)], { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const line = async () => {
      const { value, done } = await lines.next();
      if (done) throw new Error("those who listen ended");
      return JSON.parse(value);
    };
    await line();
    return {
      heard: () => {
        child.stdin.write("\n");
        return line();
      },
      stop: () => child.kill("SIGKILL"),
    };
  }

  /** A relay to Postgres that adds `oneWay` ms each way; answers `{port, stop}`. */
  async delay(given) {
    const child = spawn(this.program, ["delay", ...options(given)], { stdio: ["ignore", "pipe", "inherit"] });
    const port = await new Promise((resolve, reject) => {
      child.once("exit", () => reject(new Error("the delaying relay ended")));
      child.stdout.once("data", (bytes) => resolve(Number(bytes)));
    });
    return { port, stop: () => child.kill("SIGKILL") };
  }
}
