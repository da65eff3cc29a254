import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { type Column, markdownTable } from "./table.js";

/** What a benchmark was to reach, and what it reached. */
export interface Goal {
  /** What is measured, with its unit. */
  what: string;
  goal: string;
  reached: string;
  met: boolean;
}

export interface Table {
  title: string;
  columns: readonly Column[];
  rows: readonly (readonly string[])[];
}

/** The figures of one benchmark. */
export interface Report {
  title: string;
  /** How it was measured, and against what: paragraphs of Markdown. */
  method: string;
  tables: readonly Table[];
  goals: readonly Goal[];
}

/** What a `bench/NAME.ts` exports as `benchmark`. */
export type Benchmark = () => Promise<Report>;

const performancePage = fileURLToPath(new URL("../../../docs/performance.md", import.meta.url));
const PAGE_HEAD = `# Performance

The figures on this page are written by the benchmarks (\`npm run bench -- NAME\`), each against a peer in the same run.
`;

/**
 * Prints a report and writes it into docs/performance.md, between the markers of its name; at the end of the page when
 * they are not there yet.
 * @returns whether every goal was met
 */
export function publish(name: string, report: Report): boolean {
  const text = markdown(report);
  process.stdout.write(`${text}\n`);
  const [open, close] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const page = existsSync(performancePage) ? readFileSync(performancePage, "utf8") : PAGE_HEAD;
  const [start, end] = [page.indexOf(open), page.indexOf(close)];
  const section = `${open}\n${text}\n${close}`;
  const [before, behind] =
    start < 0 || end < start ? [`${page.trimEnd()}\n\n`, "\n"] : [page.slice(0, start), page.slice(end + close.length)];
  writeFileSync(performancePage, before + section + behind);
  return report.goals.every(({ met }) => met);
}

function markdown({ title, method, tables, goals }: Report): string {
  const goalTable = markdownTable(
    [{ head: "goal" }, { head: "wanted" }, { head: "reached" }, { head: "met" }],
    goals.map(({ what, goal, reached, met }) => [what, goal, reached, met ? "yes" : "**no**"]),
  );
  return [
    `## ${title}`,
    method,
    ...tables.flatMap((table) => [`### ${table.title}`, markdownTable(table.columns, table.rows)]),
    ...(goals.length > 0 ? ["### Goals", goalTable] : []),
    machine(),
  ].join("\n\n");
}

function machine(): string {
  const [cpu] = cpus();
  const git = execFileSync("git", ["--version"], { encoding: "utf8" }).trim();
  const day = new Date().toISOString().slice(0, 10);
  return `Measured on ${day}: ${cpus().length} × ${cpu?.model.trim()}, Node ${process.version}, ${git}.`;
}
