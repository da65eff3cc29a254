import { fileURLToPath } from "node:url";
import { runInNewContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { build } from "esbuild-wasm";
import t from "tap";
import { FakeClock } from "../support/fake-clock.js";
import type { Cleanup } from "../support/temp.js";
import { until } from "../support/until.js";

const project = fileURLToPath(new URL("../../../", import.meta.url));
/** What the client may cost a page. */
const MAX_GZIPPED_BYTES = 12 * 1024;

/** What a front end's bundler makes of a program, for browsers. */
async function bundle(program: string) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: program, resolveDir: project },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    platform: "browser",
    format: "iife",
    globalName: "bundled",
    logLevel: "silent",
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error("esbuild has written nothing");
  return { text: file.text, inputs: Object.keys(metafile.inputs) };
}

t.test("in a browser the client costs under 12 KiB, and is made of its own package alone", async (t) => {
  for (const name of ["./packages/client/dist/index.js", "treewire/client"]) {
    const { text, inputs } = await bundle(`export * from "${name}"`);
    t.ok(gzipSync(text, { level: 9 }).length < MAX_GZIPPED_BYTES, `${name}: ${gzipSync(text).length} bytes`);
    t.notMatch(text, /node:|\brequire\(["']/, "nothing of Node's is asked for");
    t.same(
      inputs.filter((path) => !/^(packages\/client\/dist\/index\.js|<stdin>|\(disabled\):.*)$/.test(path)),
      [],
    );
  }
});

/** A WebSocket of a page, driven by the test. */
class PageSocket {
  static last: PageSocket | undefined;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly sent: string[] = [];
  constructor(
    readonly url: URL,
    readonly protocol: string,
  ) {
    PageSocket.last = this;
  }
  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {
    this.onclose?.({ code: 1000, reason: "" });
  }
  tell(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

t.test("in a page it speaks through the page's WebSocket, and refuses what is not of the protocol", async (t) => {
  const { text } = await bundle('export * from "treewire/client"');
  const page = { URL, WebSocket: PageSocket, AbortController, setTimeout, clearTimeout, performance };
  const { watchTrees, unifiedDiff } = runInNewContext(
    `${text};bundled`,
    page,
  ) as typeof import("../../src/client/index.js");
  const errors: string[] = [];
  const trees = watchTrees({
    url: "https://relay.example.com/base/",
    chat: "8c9e6679-7425-40de-944b-e07fc1f90ae7",
    token: "a token",
    onError: (message) => errors.push(message),
  });
  const first = trees.next();
  const socket = await until("it connects", () => PageSocket.last);
  t.equal(
    socket.url.href,
    "wss://relay.example.com/base/api/v2/chats/8c9e6679-7425-40de-944b-e07fc1f90ae7/git/watch?coder_session_token=a+token",
  );
  t.equal(socket.protocol, "treewire.delta.v1");

  const scanned_at = "2026-03-05T10:11:12.345Z";
  const meta = { head: "", branch: "main", remote_origin: "", scanned_at, health: "", too_large_bytes: 0 };
  const file = {
    key: "t:a",
    path: "a",
    header: "header\n",
    hunks: "hunk\n",
    additions: 1,
    deletions: 0,
    omitted_bytes: 0,
  };
  const tree = {
    type: "tree",
    root: "/app",
    epoch: "e",
    seq: 1,
    base: null,
    meta,
    upserts: [file],
    edits: [],
    removes: [],
  };
  await until("it listens", () => socket.onmessage !== null);
  socket.tell({ type: "trees", roots: ["/app"] });
  socket.tell({ ...tree, meta: { ...meta, too_large_bytes: -1 } });
  t.same(errors, ["the relay said something that the protocol does not know"]);
  socket.tell(tree);
  socket.tell({ type: "checked", scanned_at });
  const { value } = await first;
  const told = value?.trees.get("/app");
  t.equal(told?.meta.branch, "main");
  t.equal(unifiedDiff(told?.files ?? []), "header\nhunk\n");
  socket.tell({ ...tree, seq: 3, base: 2 });
  t.same(socket.sent, ['{"type":"resync","root":"/app"}'], "a gap is asked about");
  await trees.return();
});

/** The client in a page whose time goes by hand, and whose relay answers a plain GET as the test says. */
async function openPage(t: Cleanup, answer: () => Response | Promise<never>) {
  const { text } = await bundle('export * from "treewire/client"');
  const clock = new FakeClock();
  const cancels = new Map<number, () => void>();
  const page = {
    ...{ URL, WebSocket: PageSocket, AbortController, Math },
    performance: { now: () => clock.monotonicMs() },
    setTimeout: (run: () => void, ms: number) => {
      cancels.set(cancels.size + 1, clock.after(ms, run));
      return cancels.size;
    },
    clearTimeout: (id: number) => cancels.get(id)?.(),
    fetch: async (url: string) => {
      asked.push(url);
      return answer();
    },
  };
  const asked: string[] = [];
  const { watchTrees } = runInNewContext(`${text};bundled`, page) as typeof import("../../src/client/index.js");
  const errors: string[] = [];
  PageSocket.last = undefined;
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  const trees = watchTrees({
    url: "https://relay.example.com",
    chat: "8c9e6679-7425-40de-944b-e07fc1f90ae7",
    onError: (message) => errors.push(message),
    random: () => 1 - Number.EPSILON,
    signal: stop.signal,
  });
  const done = trees.next();
  done.catch(() => undefined); // looked at by the tests that expect it
  const next = async (before?: PageSocket) => {
    const socket = await until("it connects", () => PageSocket.last !== before && PageSocket.last);
    await until("it listens", () => socket.onmessage !== null);
    return socket;
  };
  return { clock, asked, errors, done, next };
}

const scanned_at = "2026-03-05T10:11:12.345Z";

t.test("a page notices within 30 s that a relay which speaks every 10 s is gone", async (t) => {
  const { clock, errors, next } = await openPage(t, () => Promise.reject(new Error("no network")));
  const first = await next();
  first.tell({ type: "trees", roots: [] });
  for (let count = 0; count < 5; count += 1) {
    first.tell({ type: "checked", scanned_at, next_ms: 10_000 });
    await clock.advance(10_000);
  }
  t.equal(PageSocket.last, first, "a relay that speaks is there");
  const diedAtMs = clock.monotonicMs() - 10_000;
  while (PageSocket.last === first && clock.monotonicMs() - diedAtMs < 120_000) await clock.advance(1_000);
  t.ok(clock.monotonicMs() - diedAtMs <= 30_000, `after ${clock.monotonicMs() - diedAtMs} ms`);
  t.same(errors, ["nothing arrives on the connection"]);
});

t.test("a page waits longer each time for a message that does not come through, and for older relays", async (t) => {
  const { clock, next } = await openPage(t, () => Promise.reject(new Error("no network")));
  let socket: PageSocket | undefined;
  const waits: number[] = [];
  for (let count = 0; count < 3; count += 1) {
    socket = await next(socket);
    socket.tell({ type: "trees", roots: ["/app"] }); // and then a large tree, on a slow link
    const sinceMs = clock.monotonicMs();
    while (socket.onmessage !== null) await clock.advance(1_000);
    waits.push(clock.monotonicMs() - sinceMs);
    await clock.advance(30_000);
  }
  t.same(waits, [75_000, 150_000, 300_000]);
});

t.test("a page learns by a plain GET why it is refused, and believes nobody but the relay", async (t) => {
  const body = '{"message":"Resource not found or you do not have access to this resource"}';
  let answer = new Response(body, { status: 404 });
  const { clock, asked, errors, done, next } = await openPage(t, () => answer);
  const first = await next();
  first.close();
  await until("it has asked", () => errors.length > 0);
  t.same(asked, ["https://relay.example.com/api/v2/chats/8c9e6679-7425-40de-944b-e07fc1f90ae7/git/watch"]);
  t.match(errors, [/status 404; it is not the relay/]);
  answer = new Response(body, { status: 404, headers: { "Treewire-Relay": "1" } });
  await clock.advance(1_000);
  (await next(first)).close();
  await t.rejects(done, { name: "WatchEndedError", message: /^Resource not found/ });
});
