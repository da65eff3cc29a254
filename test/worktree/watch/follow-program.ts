// Follows the working tree that is named and prints a line of JSON for each state, for tests that need a process of
// its own: one with limits, say.
import { silentLogger } from "../../../src/util/index.js";
import { Tracker } from "../../../src/worktree/follow/tracker.js";

const tracker = new Tracker({
  root: process.argv[2] ?? ".",
  logger: silentLogger(),
  maxPatchBytes: 2 ** 30,
  keptPatchBytes: 2 ** 30,
  onState: ({ files, health, head }) => {
    const text = files.map((file) => file.header + file.hunks).join("");
    process.stdout.write(`${JSON.stringify({ text, health, head, watches: tracker.watcher.watches })}\n`);
  },
  onGone: () => process.stdout.write(`${JSON.stringify({ gone: true })}\n`),
  onTrouble: (code, message) => process.stderr.write(`${code} ${message}\n`),
});
await tracker.start();
