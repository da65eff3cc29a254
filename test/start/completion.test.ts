import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import yargs from "yargs";
import { endParser } from "../../src/util/index.js";
import { programPath, runProgram } from "../support/program.js";
import { GIT_ENV } from "../support/repo.js";
import { type Cleanup, tempDir } from "../support/temp.js";

const lacks = (shell: string) =>
  !["/bin", "/usr/bin"].some((place) => existsSync(join(place, shell))) && `${shell} is not here`;

/** An environment in which `treewire` is on the path. */
function onPath(t: Cleanup): NodeJS.ProcessEnv {
  const bin = tempDir(t);
  symlinkSync(programPath("treewire"), join(bin, "treewire"));
  return { ...GIT_ENV, PATH: `${bin}:${GIT_ENV.PATH}`, HOME: tempDir(t) };
}

t.test("a program knows how its words may go on", async (t) => {
  const rows: [words: string[], found: string[]][] = [
    [["re"], ["relay"]],
    [
      ["relay", "token", ""],
      ["create", "list", "revoke"],
    ],
    [["relay", "token", "create", "--ki"], ["--kind"]],
    [
      ["relay", "token", "create", "--kind", ""],
      ["agent", "client"],
    ],
    [["agent", "unt"], ["untrack"]],
    [
      ["agent", "run", "--watcher", "p"],
      ["parcel", "poll"],
    ],
    [["watch", "--token"], ["--token-file"]],
    [["diff", "--exit"], ["--exit-code"]],
    [["diff", "src/"], []],
    [["completion", "f"], ["fish"]],
  ];
  for (const [words, found] of rows) {
    const { status, stdout, stderr } = await runProgram(t, "treewire", ["--complete", ...words]);
    t.same([status, stderr], [0, ""], words.join(" "));
    t.same(stdout.split("\n").slice(0, -1), found, words.join(" "));
  }
});

t.test("bash asks it", { skip: lacks("bash") }, async (t) => {
  const ask = `source <(treewire completion bash); COMP_WORDS=(treewire relay ch); COMP_CWORD=2; _treewire; echo "\${COMPREPLY[@]}"`;
  t.equal(execFileSync("bash", ["-c", ask], { env: onPath(t) }).toString(), "chat\n");
});

t.test("fish asks it", { skip: lacks("fish") }, async (t) => {
  const ask = "treewire completion fish | source; complete -C 'treewire relay ch'";
  t.match(execFileSync("fish", ["--no-config", "-c", ask], { env: onPath(t) }).toString(), /^chat$/m);
});

t.test("zsh takes its script", { skip: lacks("zsh") }, async (t) => {
  const env = onPath(t);
  const load = "autoload -Uz compinit && compinit -D -u; source <(treewire completion zsh); echo $_comps[treewire]";
  t.equal(execFileSync("zsh", ["-f", "-c", load], { env }).toString(), "_treewire\n");
});

t.test("another shell is refused with those that there are", async (t) => {
  const { status, stderr } = await runProgram(t, "treewire", ["completion", "tcsh"]);
  t.equal(status, 2);
  t.match(stderr, /^treewire: completion: bad usage \(.*bash.*zsh.*fish.*\n$/);
});

t.test("the manual has the help of every command, in a form that its formatter finds nothing wrong with", async (t) => {
  for (const [page, args] of Object.entries({
    treewire: [],
    "treewire-agent": ["agent"],
    "treewire-relay": ["relay"],
  })) {
    const { stdout } = await runProgram(t, "treewire", [...args, "--help-all"]);
    const path = join(programPath("treewire"), `../../man/${page}.1`);
    const shown = spawnSync("mandoc", ["-T", "lint", "-W", "error", path]);
    if (shown.error === undefined) t.equal(shown.stdout.toString(), "", page);
    const text = readFileSync(path, "utf8")
      .replace(/\\([-&e])/g, (_, sign) => ({ "-": "-", e: "\\" })[sign as string] ?? "")
      .replace(/^\.sp$/gm, "");
    for (const { command, help } of JSON.parse(stdout) as { command: string; help: string }[]) {
      for (const line of help.split("\n")) if (!text.includes(line)) t.fail(`${page} lacks of ${command}: ${line}`);
    }
    t.ok(text.includes("--help"), page);
  }
});

t.test("help is as wide as the terminal", async (t) => {
  const widest = async (columns?: number) => {
    const words = Array(40).fill("word").join(" ");
    const help = await endParser(yargs([]).option("x", { describe: words }), columns).getHelp();
    return Math.max(...help.split("\n").map((line) => line.length));
  };
  t.ok((await widest()) <= 80, "80 columns where there is none");
  t.ok((await widest(132)) > 120);
  t.ok((await widest(40)) <= 40);
});
