import t from "tap";
import { snapshotOf } from "../../../src/agent/trees/snapshot.js";
import { omissionsOf, unifiedDiff } from "../../../src/protocol/index.js";
import { silentLogger } from "../../../src/util/index.js";
import { Tracker } from "../../../src/worktree/follow/tracker.js";
import type { TreeState } from "../../../src/worktree/index.js";
import { createRepo } from "../../support/repo.js";
import { until } from "../../support/until.js";

/** So many headers of a kibibyte are more than a diff may have. */
const FILES = 3500;
const LONG_NAME = "n".repeat(230);

t.test("a tracked edit is seen beside more untracked files than a diff may have", async (t) => {
  const repo = createRepo(t, { "src/edited.ts": "1\n2\n3\n", "src/other.ts": "other\n" });
  for (let at = 0; at < FILES; at++) repo.write(`node_modules/p${at % 7}/${at}-${LONG_NAME}`, "module.exports = {};\n");
  let state: TreeState | undefined;
  const tracker = new Tracker({
    root: repo.root,
    logger: silentLogger(),
    maxPatchBytes: 3 * 2 ** 20,
    keptPatchBytes: 8 * 2 ** 20,
    sweep: false,
    onState: (next) => {
      state = next;
    },
    onGone: () => {},
    onTrouble: (_, message) => t.fail(message),
  });
  t.teardown(() => tracker.close());
  await tracker.start();
  const shown = () => {
    if (state === undefined) throw new Error("no state");
    const { files, meta } = snapshotOf(state);
    return { text: unifiedDiff(files, meta.too_large_bytes), omitted: omissionsOf(files, meta.too_large_bytes) };
  };

  repo.write("src/edited.ts", "1\n2\nthree\n");
  repo.write("src/new.ts", "new\n");
  const edit = `${repo.git("diff", "--full-index", "HEAD")}\n`;
  await until("the edit", () => shown().text.startsWith(edit), { seen: () => shown().text.slice(0, 1000) });
  await until("the new file", () => shown().text.includes("+++ b/src/new.ts\n@@ -0,0 +1 @@\n+new\n"));
  t.match(shown().text, /^node_modules\/: 3,500 untracked files left out$/m);
  t.match(shown().omitted, { truncated: true, omitted_directories: [{ path: "node_modules/", files: FILES }] });

  repo.remove("node_modules");
  const all = () => state?.files.map(({ key }) => key).join();
  await until("the rest alone", () => all() === "t:src/edited.ts,u:src/new.ts", { seen: all });
  t.strictSame(shown().omitted, {});
});
