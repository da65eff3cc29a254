import { appendFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { TrackStore } from "../../../src/agent/chats/track-store.js";
import { createLogger, silentLogger } from "../../../src/util/index.js";
import { type Cleanup, tempDir } from "../../support/temp.js";

const A = "10000000-0000-4000-8000-00000000000a";
const B = "10000000-0000-4000-8000-00000000000b";
/** Opens a store; it is closed when the test ends, so that until then it is as if its process had been killed. */
async function open(t: Cleanup, dir: string, logger = silentLogger()): Promise<TrackStore> {
  const store = await TrackStore.open(dir, logger);
  t.teardown(() => store.close());
  return store;
}

t.test("what was tracked is there after a restart, in its order, each path once", async (t) => {
  const dir = join(tempDir(t), "state");
  const store = await open(t, dir);
  await store.track([A, B], ["/w/1", "/w/2"]);
  await store.track([A], ["/w/2", "/w/3"]);
  await store.untrack(B, ["/w/1"]);
  const again = await open(t, dir);
  t.same(again.paths(A), ["/w/1", "/w/2", "/w/3"]);
  t.same(again.paths(B), ["/w/2"]);
  t.equal(again.count(A), 3);
  await again.untrack(A, []);
  t.same((await open(t, dir)).chats(), [B]);
  t.equal(statSync(dir).mode & 0o777, 0o700);
  t.equal(statSync(join(dir, "tracked.jsonl")).mode & 0o777, 0o600);
});

t.test("many callers at once: all of it is kept", async (t) => {
  const dir = tempDir(t);
  const store = await open(t, dir);
  await Promise.all(Array.from({ length: 200 }, (_, at) => store.track([A], [`/w/${at}`])));
  t.equal((await open(t, dir)).count(A), 200);
});

t.test("a last line that was cut short is left out, and what follows is kept", async (t) => {
  const dir = tempDir(t);
  await (await open(t, dir)).track([A], ["/w/1"]);
  appendFileSync(join(dir, "tracked.jsonl"), '{"op":"track","at":1,"chats":["');
  const store = await open(t, dir);
  t.same(store.paths(A), ["/w/1"]);
  await store.track([A], ["/w/2"]);
  t.same((await open(t, dir)).paths(A), ["/w/1", "/w/2"]);
});

t.test("a line that makes no sense is told and passed over", async (t) => {
  const dir = tempDir(t);
  await (await open(t, dir)).track([A], ["/w/1"]);
  const journal = join(dir, "tracked.jsonl");
  writeFileSync(journal, `nonsense\n{"op":"other"}\n${readFileSync(journal, "utf8")}`);
  const lines: string[] = [];
  const store = await open(t, dir, createLogger("test", "warn", { write: (line) => void lines.push(line) }));
  t.same(store.paths(A), ["/w/1"]);
  t.equal(lines.length, 2);
});

t.test("a chat that touched nothing for 90 days is forgotten", async (t) => {
  const dir = tempDir(t);
  const day = 24 * 3600 * 1000;
  const line = (chat: string, days: number) =>
    JSON.stringify({ op: "track", at: Date.now() - days * day, chats: [chat], paths: ["/w"] });
  writeFileSync(join(dir, "tracked.jsonl"), `${line(A, 91)}\n${line(B, 89)}\n`);
  t.same((await open(t, dir)).chats(), [B]);
});

t.test("the journal does not grow without end", async (t) => {
  const dir = tempDir(t);
  const store = await open(t, dir);
  const paths = Array.from({ length: 10_000 }, (_, at) => `/a/path/that/is/tracked/again/and/again/${at}`);
  for (let round = 0; round < 12; round += 1) await store.track([A], paths);
  t.ok(statSync(join(dir, "tracked.jsonl")).size < 5 * 1024 * 1024);
  t.equal((await open(t, dir)).count(A), 10_000);
});

t.test("over the limit is refused, and nothing of it is kept", async (t) => {
  const dir = tempDir(t);
  const store = await open(t, dir);
  const paths = Array.from({ length: 20_000 }, (_, at) => `/${at}`);
  const chats = Array.from({ length: 10 }, (_, at) => `10000000-0000-4000-8000-${String(at).padStart(12, "0")}`);
  await store.track(chats, paths);
  await t.rejects(store.track([A], ["/one/more"]), { code: "TW_TRACK_LIMIT" });
  await store.track(chats, paths);
  t.equal(store.count(A), 0);
});

t.test("an error that is not of the directory stays what it is", async (t) => {
  await t.rejects(open(t, "/tmp/\0"), { code: "ERR_INVALID_ARG_VALUE" });
});

t.test("a directory that cannot be used is named", async (t) => {
  const file = join(tempDir(t), "file");
  writeFileSync(file, "");
  await t.rejects(open(t, join(file, "state")), { code: "TW_STATE_DIR", message: /^.*\/file\/state: / });
});
