import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { z } from "zod";
import { watchInTerminal } from "../client/terminal/index.js";
import { packagePath, standardLines, TreewireError } from "../util/index.js";
import { findRepositories, resolveRoot, resolveWorktrees } from "../worktree/index.js";

const programs = { agent: packagePath("dist/bin/agent.js"), relay: packagePath("dist/bin/relay.js") };
/** What the relay prints when it is ready. */
const listening = z.object({ event: z.literal("listening"), url: z.url() });
/** A line of a program's log. */
const logLine = z.object({ level: z.number(), msg: z.string() });
/** Warnings reach the terminal as `error` frames already. */
const ERROR = 50;
/** Children that have not left this long after they were asked to are ended. Milliseconds. */
const LEAVE_MS = 3_000;

/**
 * `treewire [PATH]`, which is what `npm start` runs: relay, agent and terminal client on one path.
 *
 * @param given the path, relative to where it was called
 * @param isOpened a browser is to show the page
 * @returns the exit status
 */
export async function start(given: string, isOpened: boolean): Promise<number> {
  // npm runs the script in the package's directory and says where it was called
  const isScript = process.env.npm_lifecycle_event === "start" && process.env.npm_package_name === "treewire";
  const path = resolve((isScript && process.env.INIT_CWD) || ".", given);
  const chatPaths = await chatPathsFor(path);
  const dir = mkdtempSync(join(tmpdir(), "treewire-start-"));
  const children: ChildProcess[] = [];
  const stop = new AbortController();
  const leaving = new Promise<number>((leave) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => leave(0));
  });
  try {
    const watched = await startAll(path, chatPaths, dir, children, isOpened);
    const ended = children.map(async (child) => {
      await once(child, "exit");
      return 1;
    });
    const terminal = { json: false, refresh: false, keys: process.stdin, signal: stop.signal };
    const watching = watchInTerminal({ ...watched, ...terminal }).then(() => 0);
    const status = await Promise.race([leaving, watching, ...ended]);
    stop.abort();
    await watching;
    return status;
  } finally {
    stop.abort();
    for (const child of children.reverse()) await end(child);
    rmSync(dir, { recursive: true, force: true });
  }
}

/**
 * What the chat is bound to: the path itself inside a working tree; nothing, which means the repositories found, when
 * there are some below it.
 */
async function chatPathsFor(path: string): Promise<string[]> {
  try {
    await resolveRoot(path);
    return [path];
  } catch (error) {
    if (error instanceof TreewireError && error.code === "TW_BARE_REPOSITORY") {
      if ((await resolveWorktrees(path)).length > 0) return [path];
    }
    const outside = error instanceof TreewireError && error.code === "TW_NOT_A_REPOSITORY";
    if (outside && (await findRepositories(path)).length > 0) return [];
    throw error;
  }
}

/** @param children takes every process that was started. @returns what the terminal client needs */
async function startAll(
  path: string,
  chatPaths: readonly string[],
  dir: string,
  children: ChildProcess[],
  isOpened: boolean,
) {
  const launch = (name: keyof typeof programs, args: string[]) => {
    // by the channel they notice that this process has gone, however that came
    const child = spawn(process.execPath, [programs[name], ...args], { stdio: ["ignore", "pipe", "pipe", "ipc"] });
    children.push(child);
    return child;
  };
  const dataDir = join(dir, "relay");
  const workspace = randomUUID();
  const chat = randomUUID();
  const user = "you";

  const relay = launch("relay", ["serve", "--data-dir", dataDir, "--listen", "127.0.0.1:0"]);
  void followLog("relay", relay);
  const url = await listeningUrl(relay);
  const secret = async (name: string, ...kind: string[]) => {
    const file = join(dir, name);
    await promisify(execFile)(process.execPath, [
      programs.relay,
      ...["token", "create", "--data-dir", dataDir, "--out", file, ...kind],
    ]);
    return file;
  };
  const [agentToken, clientToken] = await Promise.all([
    secret("agent-token", "--kind", "agent", "--workspace", workspace),
    secret("client-token", "--kind", "client", "--user", user),
    promisify(execFile)(process.execPath, [
      programs.relay,
      ...["chat", "bind", chat, "--data-dir", dataDir, "--workspace", workspace, "--owner", user],
      ...chatPaths.flatMap((one) => ["--path", one]),
    ]),
  ]);
  const agentState = join(dir, "agent");
  const agentArgs = ["--relay", url, "--token-file", agentToken, "--root", path, "--state-dir", agentState];
  await followLog("agent", launch("agent", agentArgs), "connected");
  const page = `${url}/view/${chat}#token=${readFileSync(clientToken, "utf8").trim()}`;
  process.stdout.write(
    [
      `  open     ${page}`,
      `  shows    ${path}`,
      `  URL      ${url.replace(/^http/, "ws")}/api/v2/chats/${chat}/git/watch`,
      `  token    in ${clientToken}, as header "Authorization: Bearer TOKEN"`,
      `  connect  node ${programs.relay} watch ${chat} --url ${url} --token-file ${clientToken}`,
      "Ctrl-C ends it.\n\n",
    ].join("\n"),
  );
  if (isOpened) openPage(page, dir);
  return { url, chat, token: readFileSync(clientToken, "utf8").trim() };
}

/**
 * Opens a page in the user's browser. Its address has a secret in it, and command lines are for all to see: the browser is given
 * a file that leads there.
 */
function openPage(page: string, dir: string): void {
  const file = join(dir, "open.html");
  writeFileSync(file, `<meta http-equiv="refresh" content="0;url=${page}">\n`, { mode: 0o600 });
  const browser = process.env.BROWSER || (process.platform === "darwin" ? "open" : "xdg-open");
  const opener = spawn(browser, [file], { stdio: "ignore", detached: true });
  opener.once("error", ({ message }) => standardLines(2).write(`treewire: no browser was opened (${message})\n`));
  opener.unref();
}

/**
 * Shows people the errors that a program logs.
 *
 * @returns settles when it logs `awaited`, or has ended
 */
function followLog(name: string, { stderr }: ChildProcess, awaited?: string): Promise<void> {
  return new Promise((settle) => {
    if (stderr === null) return settle();
    const lines = createInterface(stderr).on("close", settle);
    lines.on("line", (line) => {
      const entry = line.startsWith("{") ? logLine.safeParse(JSON.parse(line)).data : undefined;
      if (entry?.msg === awaited) settle();
      if (entry === undefined) standardLines(2).write(`${line}\n`);
      else if (entry.level >= ERROR) standardLines(2).write(`${name}: ${entry.msg}\n`);
    });
  });
}

async function listeningUrl(relay: ChildProcess): Promise<string> {
  const lines = relay.stdout === null ? [] : createInterface(relay.stdout);
  for await (const line of lines) return listening.parse(JSON.parse(line)).url;
  throw new TreewireError("TW_LISTEN_FAILED", "relay", { detail: "it ended before it was ready" });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), LEAVE_MS);
  await gone;
  clearTimeout(timer);
}
