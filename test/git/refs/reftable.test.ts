import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { SHA1 } from "../../../src/git/objects/object-id.js";
import { readHeadByGit, readRefByGit } from "../../../src/git/refs/reftable.js";
import { createRepo, GIT_ENV } from "../../support/repo.js";
import { tempDir } from "../../support/temp.js";

const OID = "0123456789".repeat(4);

/** Asks a program that stands for git. @param script its body, for a shell; `undefined`: there is none */
function ask(t: Test, script: string | undefined): ReturnType<typeof readHeadByGit> {
  const directory = tempDir(t);
  if (script !== undefined) {
    writeFileSync(join(directory, "git"), `#!/bin/sh\ncd ${directory}\n${script}\n`);
    chmodSync(join(directory, "git"), 0o755);
  }
  const places = { gitDir: "/w/.git", commonDir: "/w/.git", format: SHA1 };
  return readHeadByGit("/w", places, {
    ...process.env,
    PATH: script === undefined ? directory : `${directory}:/usr/bin:/bin`,
  });
}

t.test("HEAD is what git says: on a branch, detached and unborn", async (t) => {
  const repo = createRepo(t, { file: "1\n" });
  const read = (): unknown => {
    const gitDir = join(repo.root, ".git");
    return readHeadByGit(repo.root, { gitDir, commonDir: gitDir, format: SHA1 }, GIT_ENV);
  };
  const oid = repo.git("rev-parse", "HEAD");
  t.same(read(), { ref: "refs/heads/main", oid });
  repo.git("checkout", "-q", "--detach");
  t.same(read(), { ref: undefined, oid });
  repo.git("checkout", "-q", "--orphan", "new");
  t.same(read(), { ref: "refs/heads/new", oid: undefined });
});

t.test("a ref is what git says, by its full name alone", async (t) => {
  const repo = createRepo(t, { file: "1\n" });
  const gitDir = join(repo.root, ".git");
  const read = (name: string): unknown =>
    readRefByGit(repo.root, { gitDir, commonDir: gitDir, format: SHA1 }, name, GIT_ENV);
  const oid = repo.git("rev-parse", "HEAD");
  t.same(read("refs/heads/main"), { ref: "refs/heads/main", oid });
  t.equal(read("refs/heads/nowhere"), undefined);
  t.equal(read("--help"), undefined);
  t.equal(read("refs/heads/\xff"), undefined, "no text");
});

t.test("a repository is refused when git is missing, or can't read it", async (t) => {
  const refused = { code: "TW_UNSUPPORTED_REPOSITORY", subject: "/w/.git" };
  t.throws(() => ask(t, undefined), { ...refused, message: /refStorage=reftable.*ENOENT/ });
  t.throws(() => ask(t, "echo unknown extension >&2; exit 128"), { ...refused, message: /unknown extension/ });
});

t.test("an answer that is no id is damage, and a HEAD that moves all the time is tried again later", async (t) => {
  const byCommand = (head: string, oid: string): string => `case "$3" in symbolic-ref) ${head};; *) ${oid};; esac`;
  t.throws(() => ask(t, byCommand("echo refs/heads/a", "echo nonsense")), {
    code: "TW_CORRUPT_REPOSITORY",
    message: /nonsense/,
  });
  const moves = "n=$(cat n 2>/dev/null); echo x$n > n; echo refs/heads/$n";
  t.throws(() => ask(t, byCommand(moves, `echo ${OID}`)), { code: "TW_TREE_UNREADABLE", message: /HEAD moved/ });
  const movesOnce = "n=$(cat n 2>/dev/null); echo x > n; echo refs/heads/a$n";
  t.same(ask(t, byCommand(movesOnce, `echo ${OID}`)), { ref: "refs/heads/ax", oid: OID });
});
