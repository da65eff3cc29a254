import { chmodSync, copyFileSync, lstatSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { openRepository } from "../../../src/git/index.js";
import { createRepo, GIT_ENV } from "../../support/repo.js";

const THEN = 1_000_000_000;

/** What may happen to a file between two looks at it; its content stays, or has the same length. */
const MUTATIONS: Record<string, (path: string) => void> = {
  nothing: () => undefined,
  "another time": (path) => utimesSync(path, THEN, THEN + 10),
  "another content of the same size and time": (path) => {
    writeFileSync(path, "two\n");
    utimesSync(path, THEN, THEN);
  },
  "another size, the same time": (path) => {
    writeFileSync(path, "longer\n");
    utimesSync(path, THEN, THEN);
  },
  "executable now": (path) => chmodSync(path, 0o755),
  "another inode, the same time": (path) => {
    copyFileSync(path, `${path}.new`);
    utimesSync(`${path}.new`, THEN, THEN);
    renameSync(`${path}.new`, path);
  },
  "the time of the index": (path) => utimesSync(path, THEN, Date.now() / 1000 + 3600),
};

/** Those that may show in nanoseconds of the change time alone, which builds of git look at or not. */
const CHANGE_TIME_ALONE = ["another content of the same size and time", "executable now"];

const IGNORES_CHANGE_TIME = ["core.trustctime=false", "core.checkStat=minimal"];

for (const config of ["", "core.trustctime=false", "core.checkStat=minimal", "core.fileMode=false"]) {
  t.test(`stat data prove a file unchanged as git decides it, with ${config || "git's defaults"}`, async (t) => {
    const names = Object.keys(MUTATIONS);
    const repo = createRepo(t, Object.fromEntries(names.map((name) => [name, "one\n"])));
    const [key, value] = config.split("=");
    if (key !== undefined && value !== undefined) repo.git("config", key, value);
    for (const name of names) utimesSync(join(repo.root, name), THEN, THEN);
    repo.git("update-index", "-q", "--refresh");
    for (const [name, mutate] of Object.entries(MUTATIONS)) mutate(join(repo.root, name));
    const index = openRepository(repo.root, GIT_ENV).index();
    const proves = (name: string): boolean => index.provesUnchanged(index.find(name), lstatSync(join(repo.root, name)));
    // Git compares stat data alone here: `diff-files` reads no file whose data do not match.
    const changed = new Set(repo.git("diff-files", "--name-only", "-z").split("\0"));
    for (const name of names) {
      const isOpen = CHANGE_TIME_ALONE.includes(name) && !changed.has(name) && !IGNORES_CHANGE_TIME.includes(config);
      if (!isOpen) t.equal(proves(name), !changed.has(name), name);
    }
  });
}
