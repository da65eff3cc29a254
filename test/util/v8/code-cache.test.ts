import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import t from "tap";
import { codeDirectory } from "../../../src/util/v8/code-cache.js";
import fc from "../../support/fast-check.js";
import { type Cleanup, tempDir } from "../../support/temp.js";

const loader = new URL("../../../src/util/v8/code-cache.js", import.meta.url).href;
const RUN = `import(${JSON.stringify(loader)}).then(({ loadCached }) => console.log(loadCached(...process.argv.slice(1)).answer()))`;
/** Of every program, so that all have the same length. */
const FUNCTIONS = Array.from({ length: 300 }, (_, at) => `function f${at}(x) { return { a: x + ${at}, b: "${at}" }; }`);
const OLD = new Date("2020-01-01");

class CachedProgram {
  readonly path: string;
  readonly directory: string;

  /** @param word that it answers with; those of equal length make files of equal length */
  constructor(t: Cleanup, word = "one") {
    const dir = tempDir(t);
    this.path = join(dir, "program.cjs");
    this.directory = join(dir, "cache");
    this.rewrite(word);
  }

  rewrite(word: string): void {
    const calls = FUNCTIONS.map((_, at) => `f${at}(1)`).join(", ");
    const answer = `exports.answer = function () { [${calls}]; return "${word}"; };`;
    writeFileSync(this.path, `${FUNCTIONS.join("\n")}\n${answer}\n`);
    utimesSync(this.path, OLD, OLD);
  }

  /** Runs it in a process of its own. @returns what it prints */
  run(): string {
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, ["-e", RUN, this.path, this.directory]);
    if (status !== 0 || stderr.length > 0) throw new Error(`${status ?? signal}: ${stderr}`);
    return stdout.toString().trim();
  }

  /** The one file in the cache. */
  get file(): string {
    const [name = "", ...others] = readdirSync(this.directory);
    t.same(others, []);
    return join(this.directory, name);
  }

  /** Another number whenever the file was written. */
  get written(): bigint {
    return statSync(this.file, { bigint: true }).ctimeNs;
  }
}

/** Puts the code of a program that answers with another word in the place of a program's, as if it were its own. */
function plantOther(t: Cleanup, program: CachedProgram): void {
  const other = new CachedProgram(t, "two");
  other.run();
  const [own, others] = [readFileSync(program.file), readFileSync(other.file)];
  const key = own.subarray(0, own.indexOf("\n"));
  writeFileSync(program.file, Buffer.concat([key, others.subarray(others.indexOf("\n"))]));
}

t.test("a program's code is kept, for its user alone, and taken the next time", async (t) => {
  const program = new CachedProgram(t);
  t.equal(program.run(), "one");
  t.equal(statSync(program.file).mode & 0o777, 0o600);
  t.equal(statSync(program.directory).mode & 0o777, 0o700);
  const { written } = program;
  t.equal(program.run(), "one");
  t.equal(program.written, written, "it is not written again");
  plantOther(t, program);
  t.equal(program.run(), "two", "what is in the cache is what runs");
});

t.test("what it requires and imports stands beside it", async (t) => {
  const program = new CachedProgram(t);
  const beside = (name: string, text: string) => writeFileSync(join(dirname(program.path), name), text);
  beside("other.cjs", `exports.word = require("node:path").basename(__filename);`);
  beside("module # 1.mjs", `export const word = "module";`);
  beside(
    "program.cjs",
    `exports.answer = () => require("./other.cjs").word;
     setTimeout(() => { gc(); importModule("./module # 1.mjs").then(({ word }) => console.log(word)); }, 10);
     const gc = require("node:vm").runInThisContext("() => Array.from({ length: 1e6 }, (_, at) => [at])");`,
  );
  for (const run of ["first", "second"]) t.equal(program.run(), "other.cjs\nmodule", run);
  t.equal(readdirSync(program.directory).length, 2);
});

t.test("code is not kept where V8's flags are others by then: the next start would have to refuse it", async (t) => {
  const program = new CachedProgram(t);
  const flags = `require("node:v8").setFlagsFromString("--optimize-for-size");`;
  writeFileSync(program.path, `exports.answer = () => { ${flags} return "one"; };`);
  t.equal(program.run(), "one");
  t.notOk(existsSync(program.directory));
});

t.test("code that others could have written is not run", async (t) => {
  const program = new CachedProgram(t);
  program.run();
  plantOther(t, program);
  chmodSync(program.file, 0o620);
  t.equal(program.run(), "one");
  t.equal(statSync(program.file).mode & 0o777, 0o600, "and is replaced");

  plantOther(t, program);
  const moved = join(tempDir(t), "moved");
  execFileSync("mv", [program.file, moved]);
  symlinkSync(moved, join(program.directory, program.path.replaceAll("/", "%")));
  t.equal(program.run(), "one", "nor what a link leads to");
});

t.test("a program that was replaced runs as it is, were it as long and as old as the one before", async (t) => {
  const program = new CachedProgram(t);
  program.run();
  program.rewrite("two");
  t.equal(program.run(), "two");
  t.equal(program.run(), "two");
});

t.test("what was damaged anywhere is compiled anew, and is whole after that", async (t) => {
  const program = new CachedProgram(t);
  program.run();
  const whole = readFileSync(program.file);
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: whole.length - 1 }),
      fc.integer({ min: 1, max: 255 }),
      async (at, bits) => {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] ?? 0) ^ bits;
        writeFileSync(program.file, bytes);
        const { written } = program;
        t.equal(program.run(), "one");
        t.not(program.written, written, "it is written again");
      },
    ),
    { numRuns: 12 },
  );
  for (const length of [0, 1, 50, Math.floor(whole.length / 2), whole.length - 1]) {
    writeFileSync(program.file, whole);
    truncateSync(program.file, length);
    t.equal(program.run(), "one", `cut to ${length} bytes`);
  }
});

t.test("a cache that cannot be read or written is no error", async (t) => {
  const program = new CachedProgram(t);
  program.run();
  const { file } = program;
  rmSync(file);
  mkdirSync(file);
  t.equal(program.run(), "one", "a directory in its place");
  rmSync(file, { recursive: true });
  execFileSync("mkfifo", [file]);
  t.equal(program.run(), "one", "a FIFO in its place");
  rmSync(program.directory, { recursive: true });
  writeFileSync(program.directory, "");
  t.equal(program.run(), "one", "a file in place of the cache's directory");
});

t.test("Node.js is told to do without it", async (t) => {
  const home = tempDir(t);
  t.equal(codeDirectory({ HOME: home }), join(home, ".cache/treewire"));
  t.equal(codeDirectory({ HOME: home, NODE_DISABLE_COMPILE_CACHE: "1" }), undefined);
  t.equal(codeDirectory({ HOME: home, NODE_V8_COVERAGE: "/coverage" }), undefined);
});
