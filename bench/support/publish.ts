import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
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

/** What a `bench/NAME.ts` exports as `benchmark`. @returns the reason where it cannot be run here */
export type Benchmark = () => Promise<Report | string>;

const pages = fileURLToPath(new URL("../../../docs/", import.meta.url));
const performancePage = join(pages, "performance.md");
const PAGE_HEAD = `# Performance

The figures on this page are written by the benchmarks (\`npm run bench -- NAME\`), each against a peer in the same run.
`;

/**
 * Prints a report and writes it between the markers of its name, in the page below docs/ that has them; at the end of
 * docs/performance.md when none does.
 * @returns whether every goal was met
 */
export function publish(name: string, report: Report): boolean {
  const text = markdown(report);
  process.stdout.write(`${text}\n`);
  const [open, close] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const path = pageWith(open);
  const page = existsSync(path) ? readFileSync(path, "utf8") : PAGE_HEAD;
  const [start, end] = [page.indexOf(open), page.indexOf(close)];
  const section = `${open}\n${text}\n${close}`;
  const [before, behind] =
    start < 0 || end < start ? [`${page.trimEnd()}\n\n`, "\n"] : [page.slice(0, start), page.slice(end + close.length)];
  writeFileSync(path, before + section + behind);
  return report.goals.every(({ met }) => met);
}

function pageWith(mark: string): string {
  const named = readdirSync(pages).filter((name) => name.endsWith(".md"));
  return (
    named.map((name) => join(pages, name)).find((path) => readFileSync(path, "utf8").includes(mark)) ?? performancePage
  );
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
