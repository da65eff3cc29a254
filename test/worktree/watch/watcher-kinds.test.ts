import t from "tap";
import { TreewireError } from "../../../src/util/index.js";
import { checkWatcher, defaultWatcher, type WatcherKind } from "../../../src/worktree/index.js";

t.test("inotify is Linux's default, and parcel that of others", async (t) => {
  t.strictSame((["linux", "darwin", "win32"] as const).map(defaultWatcher), ["inotify", "parcel", "parcel"]);
});

t.test("each watcher can be had here, and only what cannot be had is refused", async (t) => {
  for (const kind of ["inotify", "parcel", "poll"] satisfies WatcherKind[]) await checkWatcher(kind, "linux");
  const missing = () => Promise.reject(new Error("No prebuild found"));
  await checkWatcher("poll", "darwin", missing);
  await checkWatcher("inotify", "linux", missing);
  for (const [kind, platform, detail] of [
    ["parcel", "linux", "No prebuild found"],
    ["inotify", "darwin", "darwin has none"],
  ] as const) {
    const error = await checkWatcher(kind, platform, missing).catch((reason: unknown) => reason);
    t.ok(error instanceof TreewireError && error.code === "TW_NO_WATCHER");
    t.match(error, { message: new RegExp(`^${kind}: this watcher cannot be had here \\(${detail}\\); [^\\n]+$`) });
  }
});
