import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import t from "tap";
import { type WebSocket, WebSocketServer } from "ws";
import { watchInTerminal } from "../../../src/client/terminal/index.js";
import { FakeClock } from "../../support/fake-clock.js";
import { startProgram } from "../../support/program.js";
import type { Cleanup } from "../../support/temp.js";
import { until } from "../../support/until.js";

const CHAT = "11111111-2222-4333-8444-555555555555";
const MIB = 1024 * 1024;
/** What the relay has to say to somebody who reads everything. */
const MESSAGES = 64;

/** The n-th state. */
function state(number: number, bytes: number): string {
  const diff = `${number} ${"x".repeat(bytes)}`;
  const change = { repo_root: "/app", branch: "main", remote_origin: "", unified_diff: diff };
  return JSON.stringify({ type: "changes", scanned_at: new Date(0).toISOString(), repositories: [change] });
}

/** A relay as far as a viewer sees it. */
async function fakeRelay(t: Cleanup) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const viewers: WebSocket[] = [];
  server.on("connection", (viewer) => viewers.push(viewer));
  t.teardown(() => {
    for (const viewer of viewers) viewer.terminate();
    server.close();
  });
  return { viewers, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function firstViewer(viewers: WebSocket[]): Promise<WebSocket> {
  return until("somebody watches", () => viewers[0]);
}

/** The memory that a process has, in bytes. */
function memoryOf(pid: number): number {
  return 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

/** Starts the program, has nobody read what it prints, and the relay say much. */
async function unread(t: Cleanup) {
  const { viewers, url } = await fakeRelay(t);
  const watch = startProgram(t, "relay", ["watch", CHAT, "--url", url], { env: { TREEWIRE_TOKEN: "token" } });
  const viewer = await firstViewer(viewers);
  watch.child.stdout?.pause();
  const before = memoryOf(watch.child.pid ?? 0);
  for (let number = 0; number < MESSAGES; number += 1) viewer.send(state(number, MIB));
  return { watch, viewer, viewers, before };
}

t.test("where nobody reads its output the program takes no more from the relay, and loses nothing", async (t) => {
  const { watch, viewer, viewers, before } = await unread(t);
  await once(viewer, "ping"); // it lives, and has had 10 s to take what it takes
  t.ok(viewer.bufferedAmount > (MESSAGES / 2) * MIB, "most still waits at the relay");
  const grown = memoryOf(watch.child.pid ?? 0) - before;
  t.ok(grown < (MESSAGES / 2) * MIB, "its memory is bounded", { grown });
  let printed = 0;
  watch.child.stdout?.on("data", (chunk: Buffer) => {
    printed += chunk.toString("latin1").split("\n").length - 1;
  });
  watch.child.stdout?.resume();
  await until("every state is printed", () => printed >= MESSAGES, { deadlineMs: 60_000, seen: () => printed });
  const lines = watch.stdout.trim().split("\n");
  const numbers = lines.map((line) => Number.parseInt(JSON.parse(line).repositories[0].unified_diff, 10));
  t.same(
    numbers,
    Array.from({ length: MESSAGES }, (_, at) => at),
  );
  t.equal(viewers.length, 1, "on the same connection");
  t.same(await watch.stop(), { status: 0, signal: null });
});

t.test("a reader who leaves ends the program, also when it has stopped to read before", async (t) => {
  const { watch } = await unread(t);
  watch.child.stdout?.destroy();
  t.same(await watch.exit(), { status: 0, signal: null });
  t.equal(watch.stderr, "");
});

t.test("a program whose output is blocked can be stopped", async (t) => {
  const { watch } = await unread(t);
  watch.child.kill("SIGTERM");
  await once(watch.child, "exit");
  t.equal(watch.child.exitCode, 0);
});

t.test("a blocked output is no silence of the relay, and no time to connect", async (t) => {
  const { viewers, url } = await fakeRelay(t);
  const clock = new FakeClock();
  const stop = new AbortController();
  const printed: string[] = [];
  let told = "";
  let isFull = true;
  let drain: (() => void) | undefined;
  const stdout = {
    write(text: string) {
      printed.push(text);
      return !isFull;
    },
    once(_event: "drain", listener: () => void) {
      drain = () => {
        isFull = false;
        listener();
      };
    },
  };
  const options = { url, chat: CHAT, token: "token", json: true, refresh: false, signal: stop.signal };
  const done = watchInTerminal(
    { ...options, stdout, stderr: { write: (text) => (told += text) } },
    { clock, retryDelay: { next: () => 5_000 } },
  );
  t.teardown(() => {
    stop.abort();
    return done;
  });
  const viewer = await firstViewer(viewers);
  viewer.send(state(1, 10));
  await until("it is full", () => drain !== undefined);
  await clock.advance(600_000);
  t.equal(told, "", "ten minutes later the connection is still there");

  viewer.terminate();
  // nothing is read: it is the next ping that finds nobody
  await until("it is lost", () => clock.advance(10_000).then(() => told !== ""));
  t.match(told, /trying again\n$/);
  await clock.advance(600_000);
  t.equal(viewers.length, 1, "nobody connects while nothing can be printed");
  drain?.();
  const next = await until("it connects again", () => viewers[1]);
  next.send(state(2, 10));
  await until("it prints again", () => printed.length === 2);
  t.match(told, /connected again\n$/);

  next.pause(); // it answers no pings
  const silence = "nothing arrives on the connection; trying again\n";
  await until("now silence ends it", () => clock.advance(1_000).then(() => told.endsWith(silence)), {
    seen: () => told,
  });
});
