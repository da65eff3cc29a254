import { mkdirSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { AllowedDirectories, realPathsOf } from "../../../src/agent/chats/allowed-directories.js";
import { TrackStore } from "../../../src/agent/chats/track-store.js";
import { silentLogger } from "../../../src/util/index.js";
import { createRepo } from "../../support/repo.js";
import { tempDir } from "../../support/temp.js";

const CHAT = "00000000-0000-4000-8000-000000000001";

function world(t: Test) {
  const base = tempDir(t);
  const tracked = TrackStore.unremembered(silentLogger());
  for (const name of ["root", "outside"]) mkdirSync(join(base, name));
  const allowed = new AllowedDirectories([join(base, "root")], tracked);
  const asks = (path: string) => allowed.allowedFor(path, "relay");
  const refuses = (t: Test, path: string) => t.rejects(asks(path), { code: "TW_PATH_REFUSED" }, path.slice(0, 100));
  return { base, tracked, allowed, asks, refuses };
}

t.test("a relay may name what is at or below an allowed directory, however it is written", async (t) => {
  const { base, asks, refuses } = world(t);
  symlinkSync(join(base, "outside"), join(base, "root/link"));
  symlinkSync(join(base, "nowhere"), join(base, "root/dangling"));
  const root = join(base, "root");
  for (const path of [root, `${root}/`, `${root}/a/b`, `${root}//a/../b`, `${base}/outside/../root/x`]) {
    t.ok(await asks(path), path);
  }
  t.ok(await asks(`${root}/${"x".repeat(4_000)}`), "a name that is too long is not there");
  for (const path of [
    base,
    join(base, "outside"),
    join(base, "nowhere/x"),
    `${root}/../outside`,
    `${root}/../root2`,
    `${root}x`,
    join(root, "link"),
    join(root, "link/x"),
    join(root, "dangling"),
    `${root.toUpperCase()}/x`,
    `${root}/a\0b`,
    "root",
    "",
    "/",
    `/${"x".repeat(4_000)}`,
  ]) {
    await refuses(t, path);
  }
});

t.test("an allowed directory that becomes a link allows nothing more", async (t) => {
  const { base, refuses } = world(t);
  renameSync(join(base, "root"), join(base, "away"));
  symlinkSync(join(base, "outside"), join(base, "root"));
  await refuses(t, join(base, "root/x"));
});

t.test("of the tree that an allowed directory is in, everything may be named", async (t) => {
  const repo = createRepo(t, { "sub/a": "1\n", "other/b": "1\n" });
  const tracked = TrackStore.unremembered(silentLogger());
  const allowed = new AllowedDirectories([join(repo.root, "sub")], tracked);
  t.same(await allowed.allowedFor(join(repo.root, "other/b"), "relay"), [join(repo.root, "sub")]);
  await t.rejects(allowed.allowedFor(join(repo.root, ".."), "relay"), { code: "TW_PATH_REFUSED" });
});

t.test("what was tracked may be named, with its tree, until it is forgotten", async (t) => {
  const { base, tracked, asks, refuses } = world(t);
  const repo = createRepo(t, { "sub/a": "1\n", b: "1\n" }, join(base, "outside/app"));
  const path = join(repo.root, "sub/a");
  await refuses(t, path);
  await tracked.track([CHAT], [path]);
  for (const named of [path, repo.root, join(repo.root, "b"), join(repo.root, "sub")]) {
    t.same(await asks(named), [join(base, "root"), path], named);
  }
  await refuses(t, join(base, "outside"));
  await tracked.untrack(CHAT, []);
  await refuses(t, path);
});

t.test("a tracked path is one without links, and refused when a link comes into its way", async (t) => {
  const { base, allowed } = world(t);
  mkdirSync(join(base, "outside/dir"));
  symlinkSync(join(base, "outside/dir"), join(base, "link"));
  const [path = "", twice] = await realPathsOf([join(base, "link/new"), join(base, "outside/dir/new")]);
  t.equal(path, join(base, "outside/dir/new"));
  t.equal(twice, undefined, "both are one");
  t.same(await realPathsOf([join(base, "link"), "/", "/x"]), [join(base, "outside/dir"), "/", "/x"]);
  t.same(await allowed.allowedFor(path, "track"), [join(base, "root"), path]);
  renameSync(join(base, "outside/dir"), join(base, "away"));
  symlinkSync(join(base, "root"), join(base, "outside/dir"));
  await t.rejects(allowed.allowedFor(path, "track"), { code: "TW_PATH_REFUSED" });
});
