// `npm run bench -- NAME...`: runs benchmarks, prints their figures and writes them into docs/performance.md.
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Benchmark, publish } from "./support/publish.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const known = readdirSync(here)
  .filter((name) => name.endsWith(".js") && name !== "index.js")
  .map((name) => name.slice(0, -3));
const wanted = process.argv.slice(2);

if (wanted.length === 0 || wanted.some((name) => !known.includes(name))) {
  process.stderr.write(`usage: npm run bench -- NAME...; there are: ${known.join(", ")}\n`);
  process.exitCode = 2;
} else {
  for (const name of wanted) {
    const { benchmark }: { benchmark: Benchmark } = await import(`./${name}.js`);
    const report = await benchmark();
    if (typeof report === "string") process.stderr.write(`${name} is not run: ${report}\n`);
    else if (!publish(name, report)) process.exitCode = 1;
  }
}
