import t from "tap";
import { TreewireError } from "../../src/util/index.js";
import { scanOnceRaw } from "../../src/worktree/index.js";
import { expectedOf } from "../support/repo.js";
import type { CaseGroup } from "./case.js";

/** Tests that each kind of repository is shown as git shows it, or refused in so many words. */
export function testGroups(...groups: readonly CaseGroup[]): void {
  t.setTimeout(0); // hundreds of processes: the runner has the last word
  // As git does for the expected text: nobody's configuration but the repository's.
  process.env.GIT_CONFIG_NOSYSTEM = "1";
  for (const { title, cases } of groups) {
    t.test(title, async (t) => {
      const tried = cases.filter(({ isTried = true }) => isTried);
      for (const { name, make, refused, rootIsElsewhere, userConfig, skip } of tried) {
        t.test(name, { skip: skip ?? false }, async (t) => {
          const config = userConfig?.(t);
          process.env.GIT_CONFIG_GLOBAL = config ?? "/dev/null";
          const path = make(t);
          if (refused === undefined) {
            const { root, diff } = await shown(path);
            const expected = expectedOf(rootIsElsewhere ? path : root, config).unified_diff.toString("latin1");
            t.equal(diff, expected, "the same as git");
            t.same(await shown(root), { root, diff }, "the same by its root, as a followed tree is opened");
            return;
          }
          const thrown = await shown(path).catch((error: unknown) => error);
          if (!(thrown instanceof TreewireError)) throw new Error(`not refused: ${String(thrown)}`);
          t.equal(thrown.code, refused.code, thrown.message);
          t.ok(thrown.message.includes(refused.words), thrown.message);
        });
      }
    });
  }
}

/** What Treewire shows of a tree, one character per byte. */
export async function shown(path: string): Promise<{ root: string; diff: string }> {
  const { root, diff, report } = await scanOnceRaw(path);
  const pieces: Uint8Array[] = [];
  for await (const piece of diff) pieces.push(Uint8Array.from(piece));
  report();
  return { root, diff: Buffer.concat(pieces).toString("latin1") };
}
