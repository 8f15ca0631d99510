// The one table that the benchmark writes.
import { cpus, totalmem, type, release, arch } from "node:os";

/** A number with about three digits that matter. */
export const figure = (number) => {
  if (number === null || number === undefined || Number.isNaN(number)) return "–";
  if (number >= 100) return Math.round(number).toLocaleString("en-US");
  return number >= 10 ? number.toFixed(1) : number.toFixed(2);
};

/** A median with the least and the greatest. */
export const spreadText = ({ median, min, max }, unit = "") => `${figure(median)}${unit} (${figure(min)}–${figure(max)})`;

/** Rows as `{what, zygo, peer, ratio, target, met}`; `met` is true, false, or nothing where no target stands. */
export class Report {
  constructor() {
    this.rows = [];
  }

  row(row) {
    this.rows.push(row);
    const verdict = row.met === undefined ? "" : row.met ? " · met" : " · MISSED";
    process.stderr.write(`  ${row.what}: ${row.zygo}${row.peer ? ` | ${row.peer}` : ""}${row.ratio ? ` | ${row.ratio}` : ""}${verdict}\n`);
  }

  get missed() {
    return this.rows.filter((row) => row.met === false).length;
  }

  text({ versions, commands, conditions, began }) {
    const [cpu] = cpus();
    const cells = (row) => [row.what, row.zygo, row.peer ?? "", row.ratio ?? "", row.target ?? "", row.met === undefined ? "" : row.met ? "yes" : "**no**"];
    const line = (texts) => `| ${texts.join(" | ")} |`;
    const told = this.rows.filter((row) => row.met !== undefined).length;
    return `# Benchmark, ${began.toISOString().slice(0, 16).replace("T", " ")} UTC

${line(["what", "Zygo", "Hono", "ratio", "target", "met"])}
${line(["---", "--:", "--:", "--:", "---", "---"])}
${this.rows.map((row) => line(cells(row))).join("\n")}

${told - this.missed} of ${told} targets met. Numbers are medians with the least and the greatest of all rounds.

- Machine: ${cpus().length} × ${cpu?.model.trim() ?? "unknown"}, ${figure(totalmem() / 2 ** 30)} GiB, ${type()} ${release()} ${arch()}
- Versions: ${versions}
${commands.map((text) => `- ${text}`).join("\n")}
${conditions.map((text) => `- ${text}`).join("\n")}
`;
  }
}
