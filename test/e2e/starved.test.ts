// What the programs say where the machine gives them too little: open files, a working directory, a file that is one.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import { GIT_ENV } from "../support/repo.js";
import { tempDir } from "../support/temp.js";

/** Whoever waits for longer waits silently. Milliseconds. */
const PATIENCE_MS = 20_000;

function start(program: "agent" | "relay", args: readonly string[], before: string, timeout: number) {
  const path = fileURLToPath(new URL(`../../bin/${program}.js`, import.meta.url));
  const script = `${before}\nexec "$@"`;
  return spawnSync("bash", ["-c", script, "bash", process.execPath, path, ...args], {
    // where coverage is measured, Node would write what it counted with the very files that the program lacks
    env: { ...GIT_ENV, NODE_V8_COVERAGE: "", HOME: tempDir(t), TREEWIRE_AGENT_TOKEN: "", TREEWIRE_TOKEN: "" },
    timeout,
    killSignal: "SIGKILL",
    encoding: "utf8",
  });
}

/** Runs a program through a shell and checks that it leaves by itself, with one line and a status. */
function refuses(
  t: Test,
  program: "agent" | "relay",
  args: readonly string[],
  { before = "", line, status }: { before?: string; line: RegExp; status: number },
) {
  const run = start(program, args, before, PATIENCE_MS);
  t.match(run.stderr, line);
  t.match(run.stderr, new RegExp(`^${program}: [^\\n]+; [^\\n]+\\n$`), "one line: what, and what to do");
  t.equal(run.status, status);
}

/** Node.js 22 and later need fewer open files to start: there the same limit is enough. */
const NEEDS_MANY_FILES = Number(process.versions.node.split(".", 1)[0]) < 22;
/** How long a program runs that has enough. Milliseconds. */
const RUNS_MS = 3_000;

/** Runs a program as {@link refuses} does and checks that it goes on until it is ended. */
function goesOn(t: Test, program: "agent" | "relay", args: readonly string[], { before }: { before: string }) {
  const run = start(program, args, before, RUNS_MS);
  t.equal(run.signal, "SIGKILL", run.stderr);
  t.notMatch(run.stderr, /^ {4}at /m, "no stack trace");
}

const CHAT = "00000000-0000-4000-8000-000000000001";

t.test("with too few open files a program says so", async (t) => {
  const before = "ulimit -n 64";
  const line = /open files: the limit is too low \(EMFILE\)/;
  const dir = tempDir(t);
  const token = join(dir, "token");
  writeFileSync(token, "token\n", { mode: 0o600 });
  const daemon = ["--relay", "http://127.0.0.1:9", "--token-file", token, "--state-dir", join(dir, "state")];
  const check = NEEDS_MANY_FILES ? refuses : goesOn;
  check(t, "agent", [...daemon, "--root", dir], { before, line, status: 1 });
  check(t, "relay", ["serve", "--data-dir", join(dir, "data"), "--listen", "127.0.0.1:0"], {
    before,
    line,
    status: 1,
  });
  const watch = ["watch", CHAT, "--url", "http://127.0.0.1:9", "--token-file", token];
  check(t, "relay", watch, { before, line, status: 1 });
});

t.test("a working directory that is gone is named; to a hook that is never status 2", async (t) => {
  const gone = join(tempDir(t), "gone");
  const before = `mkdir '${gone}' && cd '${gone}' && rmdir '${gone}'`;
  const expected = { before, line: /the working directory: it is gone.*\(ENOENT\)/, status: 1 };
  refuses(t, "agent", ["--once"], expected);
  refuses(t, "agent", ["track", "--hook"], expected);
  refuses(t, "agent", ["--relay", "http://127.0.0.1:9"], expected);
  refuses(t, "relay", ["serve", "--data-dir", "data"], expected);
  refuses(t, "relay", ["watch", CHAT, "--url", "http://127.0.0.1:9"], expected);
});

t.test("a file option that names a FIFO or a device is refused, and not waited for", async (t) => {
  const dir = tempDir(t);
  const fifo = join(dir, "fifo");
  execFileSync("mkfifo", [fifo]);
  const directory = join(dir, "directory");
  mkdirSync(directory);
  const token = join(dir, "token");
  writeFileSync(token, "token\n", { mode: 0o600 });
  const daemon = ["--relay", "https://127.0.0.1:9", "--root", dir, "--state-dir", join(dir, "state")];
  const withToken = [...daemon, "--token-file", token];
  const serve = ["serve", "--data-dir", join(dir, "data"), "--listen", "127.0.0.1:0"];
  const watch = ["watch", CHAT, "--url", "http://127.0.0.1:9", "--token-file"];
  for (const [path, why] of [
    [fifo, "it is not a regular file"],
    ["/dev/zero", "it is not a regular file"],
    [directory, "EISDIR"],
  ] as const) {
    const line = new RegExp(`${path}.*\\((?:\\S+: )?${why}\\)`);
    refuses(t, "agent", [...daemon, "--token-file", path], { line, status: 2 });
    refuses(t, "relay", [...watch, path], { line, status: 2 });
    for (const option of ["--config", "--ca-file", "--cert-file", "--key-file"]) {
      refuses(t, "agent", [...withToken, option, path], { line, status: 2 });
    }
    refuses(t, "relay", [...serve, "--config", path], { line, status: 2 });
    refuses(t, "relay", [...serve, "--tls-cert", path, "--tls-key", path], { line, status: 2 });
  }
});
