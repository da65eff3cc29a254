// What docs/watching.md promises of each back end: the same states, each within its own time. The trees' clock moves only
// when nothing else happens, so a test fails when a state takes longer than that, however slow the machine is.
import { linkSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { FakeClock } from "../../support/fake-clock.js";
import { type Followed, follow, textOf, untilRight } from "../../support/followed.js";
import { createRepo, expectedOf, type TestRepo } from "../../support/repo.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";
import { RIGHT_WITHIN_MS, WATCHERS } from "../../support/watchers.js";

t.setTimeout(300_000);

interface Scene {
  repo: TestRepo;
  followed: Followed;
  clock: FakeClock;
  /** A directory outside of the tree, on the same file system. */
  outside: string;
  at: (path: string) => string;
  right: () => Promise<void>;
}

/** What is done, each step to be followed by a right state. */
const SCENES: Readonly<Record<string, (scene: Scene) => (() => unknown)[]>> = {
  "a file in a directory that was made the moment before, and writes there afterwards": ({ repo, at }) => [
    () => {
      for (let each = 0; each < 20; each++) {
        mkdirSync(at(`made${each}/deep/er`), { recursive: true });
        writeFileSync(at(`made${each}/deep/er/file`), "x\n");
      }
    },
    () => repo.write("made7/deep/er/later", "later\n"),
    () => repo.write("made8/deep/more/later", "later\n"),
  ],
  "a directory that was moved in, with writes into it afterwards": ({ repo, at, outside }) => [
    () => {
      mkdirSync(join(outside, "in/deep"), { recursive: true });
      writeFileSync(join(outside, "in/deep/f"), "f\n");
      renameSync(join(outside, "in"), at("in"));
    },
    () => repo.write("in/deep/g", "g\n"),
    () => renameSync(at("in/deep"), join(outside, "deep")),
    () => renameSync(join(outside, "deep"), at("in/deep")),
    () => repo.write("in/deep/f", "again\n"),
  ],
  "a directory that was renamed, there and back, with writes under each name": ({ repo, at }) => [
    () => renameSync(at("dir"), at("renamed")),
    () => repo.write("renamed/sub/f", "2\n"),
    () => {
      renameSync(at("renamed"), at("dir"));
      renameSync(at("dir"), at("other"));
      renameSync(at("other"), at("dir"));
    },
    () => repo.write("dir/sub/f", "3\n"),
    () => repo.remove("dir/sub/f"),
  ],
  "a directory in the place of another": ({ repo, at }) => [
    () => {
      rmSync(at("dir"), { recursive: true });
      mkdirSync(at("dir/sub"), { recursive: true });
      writeFileSync(at("dir/sub/f"), "another\n");
    },
    () => repo.write("dir/sub/f", "2\n"),
    () => {
      rmSync(at("dir"), { recursive: true });
      writeFileSync(at("dir"), "now a file\n");
    },
    () => {
      rmSync(at("dir"));
      symlinkSync("lib", at("dir"));
    },
  ],
  "what is ignored, and no longer": ({ repo }) => [
    () => repo.write("node_modules/m/index.js", "m\n"),
    () => repo.write(".gitignore", "# nothing\n"),
    () => repo.write("node_modules/m/index.js", "2\n"),
    () => repo.write("dir/.gitignore", "sub\n"),
    () => repo.remove("dir/.gitignore"),
    () => repo.write("dir/sub/new", "1\n"),
  ],
  "git's own files, and a settings file that is a link": ({ repo, outside }) => [
    () => repo.write("lib/a", "changed\n"),
    () => repo.git("add", "-A"),
    () => repo.git("stash", "-q"),
    () => repo.git("stash", "pop", "-q"),
    () => repo.commit("second"),
    () => repo.git("checkout", "-q", "-b", "topic", "HEAD~1"),
    () => {
      writeFileSync(join(outside, "ignore"), "x.log\n");
      symlinkSync(join(outside, "ignore"), join(outside, "link"));
      repo.git("config", "core.excludesFile", join(outside, "link"));
      repo.write("x.log", "1\n");
    },
    () => writeFileSync(join(outside, "ignore"), "\n"),
  ],
  "a file that is written by another name": ({ repo, at, outside }) => [
    () => {
      linkSync(at("lib/a"), join(outside, "a"));
      repo.write("lib/a", "by its own name\n");
    },
    () => writeFileSync(join(outside, "a"), "by the other\n"),
  ],
  "a nested repository, for as long as it is one": ({ repo, at }) => [
    () => createRepo({ teardown: () => {} }, { inner: "1\n" }, at("nested")),
    () => rmSync(at("nested/.git"), { recursive: true }),
    () => repo.write("nested/inner", "2\n"),
  ],
  "names that are no text": ({ at }) => [
    () => writeFileSync(Buffer.from(`${at("dir")}/caf\xe9`, "latin1"), "1\n"),
    () => writeFileSync(Buffer.from(`${at("dir")}/caf\xe9`, "latin1"), "2\n"),
  ],
};

async function scene(t: Cleanup & Parameters<typeof follow>[0], watcher: (typeof WATCHERS)[number]): Promise<Scene> {
  const files = { ".gitignore": "node_modules/\n", "dir/sub/f": "1\n", "lib/a": "a\n" };
  const repo = createRepo(t, files, join(tempDir(t), "work"));
  const clock = new FakeClock();
  const followed = await follow(t, repo, { clock, watcher, sweep: watcher !== "inotify" });
  const right = () => untilRight(followed, repo, { clock, allowedMs: RIGHT_WITHIN_MS[watcher] });
  return { repo, followed, clock, outside: tempDir(t), at: (path) => join(repo.root, path), right };
}

for (const watcher of WATCHERS) {
  t.test(`by ${watcher}, within ${RIGHT_WITHIN_MS[watcher]} ms`, async (t) => {
    for (const [what, steps] of Object.entries(SCENES)) {
      await t.test(what, async (t) => {
        const set = await scene(t, watcher);
        for (const step of steps(set)) {
          step();
          await set.right();
        }
      });
    }

    await t.test("a root that vanishes is gone, and is followed again when it returns", async (t) => {
      const { repo, followed, clock, right } = await scene(t, watcher);
      repo.write("lib/a", "b\n");
      await right();
      renameSync(repo.root, `${repo.root}-aside`);
      await until("gone", async () => {
        await clock.advance(100);
        return followed.gone === 1;
      });
      renameSync(`${repo.root}-aside`, repo.root);
      await right();
      repo.write("dir/sub/f", "c\n");
      await right();
    });

    await t.test("a refresh looks before it answers", async (t) => {
      const { repo, followed } = await scene(t, watcher);
      for (let at = 0; at < 5; at++) {
        repo.write(`new${at}/f`, `${at}\n`);
        await followed.tracker.refresh();
        t.equal(textOf(followed.tracker.state), expectedOf(repo.root).unified_diff.toString());
      }
    });

    await t.test("health says that a tree is polled, and nothing else", async (t) => {
      const { followed } = await scene(t, watcher);
      const polled = "polled every 1 s: nothing is watched, as the agent's setting `watcher` has it";
      t.equal(followed.tracker.state?.health, watcher === "poll" ? polled : "");
    });
  });
}
