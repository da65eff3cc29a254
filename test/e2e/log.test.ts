import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { closeSync, constants, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { z } from "zod";
import { type Program, startProgram } from "../support/program.js";
import { createRepo } from "../support/repo.js";
import { freePort } from "../support/reverse-proxies.js";
import { SmallDisk } from "../support/small-disk.js";
import { Stack } from "../support/stack.js";
import { ALLOW_TEMP, type Cleanup, tempDir } from "../support/temp.js";
import { until } from "../support/until.js";
import { WatchClient } from "../support/watch-client.js";

/** More than a pipe and the log's own buffer take: each is two lines at the level `debug`. */
const REQUESTS = 5_000;
const AT_ONCE = 20;
const listening = z.object({ url: z.string() });
const logLine = z.object({ msg: z.string(), dropped: z.number().optional() });

/** Asks a relay so often; every answer has to come. */
async function ask(url: string, times = REQUESTS): Promise<void> {
  let asked = 0;
  const askOnAndOn = async () => {
    for (; asked < times; asked += 1) {
      const answer = await fetch(`${url}/nowhere`); // who asks how it is leaves no line
      if (answer.status !== 404) throw new Error(`${answer.status}`);
      await answer.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, askOnAndOn));
}

const serve = (t: Cleanup, options: { stdout?: number; stderr?: number } = {}, listen = "127.0.0.1:0") => {
  const args = ["serve", "--data-dir", join(tempDir(t), "data"), "--listen", listen, "--log-level", "debug"];
  return startProgram(t, "relay", [...args, "--requests-per-address", "1000000"], options);
};

async function urlOf(relay: Program): Promise<string> {
  return listening.parse(JSON.parse(await relay.line("its first line", () => true))).url;
}

/** A pipe whose both ends are open here, so that it is read only when the test does so. */
class UnreadPipe {
  readonly descriptor: number;

  constructor(t: Cleanup) {
    const path = join(tempDir(t), "pipe");
    execFileSync("mkfifo", [path]);
    this.descriptor = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    t.teardown(() => closeSync(this.descriptor));
    // what the programs are handed down must be able to block, as a shell's pipes are
    this.inherited = openSync(path, constants.O_RDWR);
    t.teardown(() => closeSync(this.inherited));
  }

  readonly inherited: number;

  /** Takes all the room that it has. */
  fill(): void {
    for (let size = 65_536; size >= 1; ) {
      try {
        writeSync(this.descriptor, Buffer.alloc(size, "\n"));
      } catch {
        size = Math.floor(size / 2);
      }
    }
  }

  /** Takes out what is in it now. */
  read(): string {
    const chunks: Buffer[] = [];
    for (;;) {
      const chunk = Buffer.alloc(65_536);
      try {
        chunks.push(chunk.subarray(0, readSync(this.descriptor, chunk)));
      } catch {
        return Buffer.concat(chunks).toString();
      }
    }
  }
}

/** A log's lines: none is cut. */
const linesOf = (text: string) =>
  text
    .split("\n")
    .filter(Boolean)
    .map((line) => logLine.parse(JSON.parse(line)));

/** Waits for the line about the dropped ones, and holds that none is missing without being counted. */
async function countsAll(t: Test, read: () => string, requests: number): Promise<void> {
  let text = "";
  const seen = () => text.slice(-500);
  await until(
    "the log says what is missing, and goes on to its newest line",
    () => {
      text = read();
      return text.includes('"dropped":') && linesOf(text.slice(0, text.lastIndexOf("\n"))).length > 100;
    },
    { seen },
  );
  const count = () => {
    text = read();
    const lines = linesOf(text.slice(0, text.lastIndexOf("\n")));
    const dropped = lines.reduce((sum, line) => sum + (line.dropped ?? 0), 0);
    const ofRequests = lines.filter(({ msg }) => msg === "incoming request" || msg === "request completed").length;
    return { all: ofRequests + dropped, notes: lines.filter((line) => line.dropped !== undefined).length };
  };
  await until("every line of a request is there or is counted", () => count().all >= 2 * requests, { seen: count });
  t.equal(count().notes, 1, "one line says how many");
}

t.test("a relay whose standard error nobody reads", async (t) => {
  t.test("a pipe: it serves on, and leaves when it is told to", async (t) => {
    const pipe = new UnreadPipe(t);
    const relay = serve(t, { stderr: pipe.inherited });
    const url = await urlOf(relay);
    await ask(url);
    t.ok(relay.running);
    let text = "";
    await countsAll(t, () => (text += pipe.read()), REQUESTS);
    pipe.fill();
    t.equal((await relay.stop()).status, 0);
  });

  t.test("a socket, as systemd's journal is one", async (t) => {
    const relay = serve(t);
    const url = await urlOf(relay);
    relay.child.stderr?.pause();
    await ask(url);
    t.ok(relay.running);
    relay.child.stderr?.resume();
    await countsAll(t, () => relay.stderr, REQUESTS);
    t.equal((await relay.stop()).status, 0);
  });

  t.test("its reader has gone", async (t) => {
    const relay = serve(t);
    const url = await urlOf(relay);
    relay.child.stderr?.destroy();
    await ask(url, 100);
    t.equal((await relay.stop()).status, 0);
  });
});

t.test("an agent whose standard error nobody reads tells of edits, and leaves when it is told to", async (t) => {
  const stack = await Stack.start(t);
  const pipe = new UnreadPipe(t);
  pipe.fill();
  const { agent, right } = await watched(t, stack, pipe.inherited);
  await right("1\n");
  await right("2\n");
  t.equal((await agent.stop()).status, 0);
});

/** An agent with that standard error, and a client of a tree of it that is right after each edit. */
async function watched(t: Test, stack: Stack, stderr: number) {
  const workspace = randomUUID();
  const args = ["--relay", stack.homeUrl, "--token-file", await stack.agentToken(workspace), "--log-level", "debug"];
  const agent = startProgram(t, "agent", args, { env: ALLOW_TEMP, stderr });
  const repo = createRepo(t, { "a.txt": "0\n" });
  const chat = await stack.bind({ workspace, owner: "alice", paths: [repo.root] });
  const client = await WatchClient.watch(t, stack.url, chat, await stack.clientToken("alice"));
  const right = async (content: string) => {
    repo.write("a.txt", content);
    const expected = `${repo.git("diff", "--full-index", "HEAD")}\n`;
    await until("the client is right", () => client.repositories.get(repo.root)?.unified_diff === expected, {
      seen: () => ({ last: client.messages.slice(-2), running: agent.running }),
    });
  };
  return { agent, right };
}

t.test("a log that can't be written because its device is full ends nobody", async (t) => {
  const full = openSync("/dev/full", "w");
  t.teardown(() => closeSync(full));
  const stack = await Stack.start(t);
  const { agent, right } = await watched(t, stack, full);
  await right("1\n");
  t.equal((await agent.stop()).status, 0);

  // both streams, as a service's that are written into files; so nobody hears the port
  const port = await freePort();
  const relay = serve(t, { stdout: full, stderr: full }, `127.0.0.1:${port}`);
  await until("it answers", () =>
    fetch(`http://127.0.0.1:${port}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  await ask(`http://127.0.0.1:${port}`, 100);
  t.equal((await relay.stop()).status, 0);
});

t.test("a full disk under a relay's log", { skip: SmallDisk.refusal }, async (t) => {
  const disk = SmallDisk.mount(t, 16 * 1024 * 1024);
  const path = join(disk.path, "relay.log");
  const log = openSync(path, "a");
  t.teardown(() => closeSync(log));
  const relay = serve(t, { stderr: log });
  const url = await urlOf(relay);
  disk.fill();
  await ask(url);
  t.ok(relay.running);
  disk.empty();
  await countsAll(t, () => readFileSync(path, "utf8"), REQUESTS);
  t.equal((await relay.stop()).status, 0);
  t.match(readFileSync(path, "utf8").trimEnd().split("\n").at(-1) ?? "", /"stopping"/, "the last line is written, too");
});

t.test(
  "what a command prints is written, or the command says that it was not",
  { skip: SmallDisk.refusal },
  async (t) => {
    const disk = SmallDisk.mount(t, 64 * 1024);
    const output = openSync(join(disk.path, "output"), "a");
    t.teardown(() => closeSync(output));
    disk.fill();
    const command = startProgram(t, "relay", ["config"], { stdout: output });
    t.equal((await command.exit()).status, 1);
    t.match(command.stderr, /^relay: standard output: what is printed cannot be written \(ENOSPC\); .*\n$/);
  },
);
