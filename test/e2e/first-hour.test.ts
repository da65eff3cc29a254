// Plays the way of the README, by its own commands, with a home directory for each of those who take part.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import { openBrowser, withoutBrowser } from "../support/browser.js";
import { Program } from "../support/program.js";
import { createRepo, GIT_ENV } from "../support/repo.js";
import { type Cleanup, tempDir } from "../support/temp.js";
import { until } from "../support/until.js";

const project = fileURLToPath(new URL("../../../", import.meta.url));
const unbundled = !existsSync(join(project, "dist/chunks")) && "this build is for coverage: nothing is bundled";
/** npm and several programs start one after the other, on a machine that may be busy. */
const DEADLINE_MS = 60_000;
/** What stands in the README for the relay's own address. */
const RELAY = "https://relay.example";

const readme = readFileSync(join(project, "README.md"), "utf8");

/** The commands of the README's blocks, without what is said of them. */
const COMMANDS = [...readme.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, block = ""]) =>
  block
    .split("\n")
    .map((line) => line.replace(/ +# .*$/, ""))
    .filter((line) => line !== ""),
);

/** The one command of the README that begins like this. */
function command(start: string): string {
  const found = COMMANDS.filter((line) => line.startsWith(start));
  if (found.length !== 1) throw new Error(`the README has ${found.length} commands "${start}"`);
  return found[0] ?? "";
}

/** Somebody with a home and a prompt. */
class Person {
  readonly home: string;
  readonly #t: Cleanup;
  readonly #env: NodeJS.ProcessEnv;

  constructor(t: Cleanup, prefix: string, env: NodeJS.ProcessEnv = {}) {
    this.#t = t;
    this.home = tempDir(t);
    const { PATH } = GIT_ENV;
    this.#env = { ...GIT_ENV, NODE_OPTIONS: "", HOME: this.home, PATH: `${join(prefix, "bin")}:${PATH}`, ...env };
    for (const name of ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"]) delete this.#env[name];
  }

  /** Types a command, and waits until it is done. @returns standard output */
  run(typed: string, cwd = this.home): string {
    return execFileSync("sh", ["-c", typed], { cwd, env: this.#env, stdio: ["ignore", "pipe", "pipe"] }).toString();
  }

  /** Types a command that goes on until the test ends. */
  start(typed: string, cwd = this.home): Program {
    const child = spawn("sh", ["-c", `exec ${typed}`], { cwd, env: this.#env, stdio: ["ignore", "pipe", "pipe"] });
    const program = new Program(typed.replace(/#.*/, ""), child);
    this.#t.teardown(async () => {
      if (!program.running) return;
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    });
    return program;
  }
}

/** Installs the packed package, as the README says, with the dependencies that are installed here. */
function install(t: Test): string {
  const dir = tempDir(t);
  const run = (program: string, args: string[]) =>
    execFileSync(program, args, {
      cwd: project,
      env: { ...GIT_ENV, NODE_OPTIONS: "" },
      stdio: ["ignore", "pipe", "pipe"],
    });
  const tarball = run("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", dir]).toString().trim();
  t.equal(command("npm install --global"), `npm install --global ./${tarball}`, "the README names the file");
  run("tar", ["xzf", join(dir, tarball), "-C", dir]);
  symlinkSync(join(project, "node_modules"), join(dir, "package/node_modules"));
  const prefix = join(dir, "prefix");
  const offline = [
    "--offline",
    "--cache",
    join(dir, "cache"),
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--silent",
  ];
  run("npm", ["install", "--global", "--prefix", prefix, ...offline, join(dir, "package")]);
  return prefix;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Everything that a user of this machine sees of others' processes. */
function processList(): string {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8");
      } catch {
        return ""; // it has ended meanwhile
      }
    })
    .join("\n");
}

t.test(
  "install, serve, paste: a diff on a page and in a terminal, by the commands of the README",
  { skip: unbundled || withoutBrowser, timeout: 240_000 },
  async (t) => {
    const prefix = install(t);
    const port = await freePort();
    const here = (line: string) => line.replace(RELAY, `http://127.0.0.1:${port}`);

    const operator = new Person(t, prefix, { TREEWIRE_RELAY_LISTEN: `127.0.0.1:${port}` });
    const relay = operator.start(here(command("treewire relay serve")));
    await relay.line("it listens", (line) => line.includes('"listening"'), DEADLINE_MS);
    const lines = () => relay.stderr.split("\n").slice(0, -1);
    const told = () => lines().filter((line) => line.includes(`127.0.0.1:${port}/#`));
    await until("the two lines", () => told().length === 2 || undefined, { seen: () => relay.stderr });
    const [joining = "", viewing = ""] = told();
    const shape = (line: string) => line.replace(/#(agent|view)-.*$/, "#$1-SECRET");
    t.equal(shape(joining), here(command("treewire agent --join")), "the first line is what the README has");
    t.equal(`treewire watch ${shape(viewing)}`, here(command("treewire watch")), "and so is the second");

    const worker = new Person(t, prefix);
    const repo = createRepo(t, { "a.txt": "one\n" }, join(worker.home, "app"));
    repo.write("a.txt", "two\n");
    t.equal(worker.run(command("treewire diff")), worker.run("git diff --full-index HEAD", repo.root), "one look");
    const agent = worker.start(joining, repo.root);
    await until("the agent is connected", () => agent.stderr.includes('"msg":"connected"') || undefined, {
      deadlineMs: DEADLINE_MS,
      seen: () => agent.stderr,
    });

    const browser = await openBrowser(t);
    const page = await browser.newPage();
    page.setDefaultTimeout(DEADLINE_MS);
    await page.goto(viewing);
    await page.waitForSelector('main[data-state="live"] [data-path="a.txt"]');
    t.match(await page.textContent("main"), "two");
    t.notMatch(page.url(), "#view-", "the secret is taken out of the address");

    const reader = new Person(t, prefix);
    const watch = reader.start(`treewire watch ${viewing}`);
    t.match(await watch.line("the diff", (line) => line.includes("+two"), DEADLINE_MS), "a.txt");

    repo.write("a.txt", "two\nthree\n");
    await watch.line("the edit", (line) => line.includes("+three"), DEADLINE_MS);
    await page.waitForSelector('[data-path="a.txt"]:has-text("three")');

    const secrets = [joining, viewing].map((line) => line.replace(/^.*#(?:agent|view)-/, ""));
    const places = {
      "the process list": processList(),
      "the relay's log": relay.stderr.replace(`${joining}\n${viewing}\n`, ""),
      "the agent's log": agent.stderr + agent.stdout,
      "the terminal": watch.stderr + watch.stdout,
    };
    for (const [place, text] of Object.entries(places)) {
      t.same(
        secrets.filter((secret) => text.includes(secret)),
        [],
        `no link in ${place}`,
      );
    }
    t.throws(() => worker.run(`${joining} --force`), /does not take the invite/, "a link for an agent counts once");
    t.match(
      operator.run("treewire relay token list --data-dir ~/treewire"),
      /session .*\n.*session /s,
      "both are listed",
    );
  },
);
