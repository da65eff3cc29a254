import type { Test } from "tap";
import { mergeFiles, type TreeFile } from "../../src/protocol/index.js";
import { silentLogger } from "../../src/util/index.js";
import { Tracker, type TrackerOptions } from "../../src/worktree/follow/tracker.js";
import type { TreeState } from "../../src/worktree/types.js";
import type { FakeClock } from "./fake-clock.js";
import { expectedOf, type TestRepo } from "./repo.js";
import type { Cleanup } from "./temp.js";
import { until } from "./until.js";
import { followedByTested, RIGHT_WITHIN_MS, TESTED_WATCHER } from "./watchers.js";

/** A followed tree, and what it has reported. */
export interface Followed {
  tracker: Tracker;
  states: TreeState[];
  gone: number;
  troubles: string[];
}

/** Follows a repository without help; see `followedByTested`. Holds each state's changes against its files. */
export async function follow(
  t: Cleanup & Pick<Test, "strictSame">,
  repo: TestRepo,
  options: Partial<TrackerOptions> = {},
): Promise<Followed> {
  let files: readonly TreeFile[] = [];
  const followed: Omit<Followed, "tracker"> = { states: [], gone: 0, troubles: [] };
  const tracker = new Tracker({
    root: repo.root,
    logger: silentLogger(),
    maxPatchBytes: 2 ** 30,
    keptPatchBytes: 2 ** 30,
    ...followedByTested(),
    ...options,
    onState: (state, changes) => {
      t.strictSame(mergeFiles(files, changes), state.files, "the changes lead from the state before to this one");
      files = state.files;
      followed.states.push(state);
    },
    onGone: () => {
      files = [];
      followed.gone += 1;
    },
    onTrouble: (_, message) => followed.troubles.push(message),
  });
  t.teardown(() => tracker.close());
  await tracker.start();
  return Object.assign(followed, { tracker });
}

/** Whether this process reads files, or goes on in the next turn of its loop. */
const isAtWork = (): boolean => process.getActiveResourcesInfo().some((kind) => /^(FSReq|Immediate)/.test(kind));

/** The whole diff of a state. */
export const textOf = (state: TreeState | undefined): string | undefined =>
  state?.files.map((file) => file.header + file.hunks).join("");

/**
 * Waits until the followed state is what git says of the tree as it is now.
 * @param clock the tree's, where the test moves it; without one it is the system's
 * @param allowedMs so much of the clock's time may pass, counted from when something was due
 */
export async function untilRight(
  followed: Followed,
  repo: TestRepo,
  {
    clock,
    allowedMs = TESTED_WATCHER === "inotify" ? 500 : RIGHT_WITHIN_MS[TESTED_WATCHER],
  }: { clock?: FakeClock; allowedMs?: number } = {},
): Promise<void> {
  const expected = expectedOf(repo.root).unified_diff.toString();
  let passedMs = 0;
  let polls = 0;
  const isRight = async (): Promise<boolean> => {
    if (textOf(followed.tracker.state) === expected) return true;
    // time stands still while a look is under way, which would have taken as long as the clock is moved, and
    // until there is something to wait for: an event may be on its way
    if (!isAtWork() && clock?.nextMs !== undefined && clock.nextMs <= allowedMs - passedMs) {
      // what is due in a long time is not waited for at this pace, but events may be on their way before
      const isFar = clock.nextMs > 100;
      if (isFar && polls++ < 40) return false;
      const stepMs = isFar ? clock.nextMs : 1;
      await clock.advance(stepMs);
      passedMs += stepMs;
    }
    return textOf(followed.tracker.state) === expected;
  };
  await until("the state of git", isRight, {
    seen: () => textOf(followed.tracker.state),
  });
}
