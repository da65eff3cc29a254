import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chownSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { createRepo, expectedOf } from "../support/repo.js";
import { isTempOpen, tempDir } from "../support/temp.js";

const agent = fileURLToPath(new URL("../../bin/agent.js", import.meta.url));
/** Nobody's number: containers are run as such, and their images know no name or home for it. */
const UNKNOWN = 1_987_654_321;

/** Runs the agent as nobody whom the system knows. */
function run(home: string | undefined, ...args: string[]) {
  const env = {
    NODE_V8_COVERAGE: "" /* another user may not write it */,
    PATH: process.env.PATH,
    ...(home !== undefined && { HOME: home }),
  };
  const options = { env, uid: UNKNOWN, gid: UNKNOWN, encoding: "utf8", timeout: 20_000 } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [agent, ...args], options);
  return { status, stdout, stderr };
}

/** A clone below a directory of root's own can't be run by anybody else, nor files there be reached. */
const isOpen = process.getuid?.() === 0 && isTempOpen() && run("/", "--version").status === 0;

t.test("a user without name and home is served", { skip: !isOpen && "only root may be somebody else" }, async (t) => {
  const repo = createRepo(t, { a: "1\n" });
  repo.write("a", "2\n");
  repo.write("b", "1\n");
  const expected = expectedOf(repo.root).unified_diff.toString();
  for (const name of ["", ...readdirSync(repo.root, { recursive: true, encoding: "utf8" })]) {
    chownSync(join(repo.root, name), UNKNOWN, UNKNOWN);
  }
  const home = tempDir(t);
  chownSync(home, UNKNOWN, UNKNOWN);
  for (const where of [undefined, home]) {
    t.same(run(where, "--once", "--format", "diff", repo.root), { status: 0, stdout: expected, stderr: "" });
    t.match(run(where, "config"), { status: 0, stdout: /^state-dir +\/.*\/treewire +default$/m, stderr: "" });
    const { status, stderr } = run(where, "track", "--chat", randomUUID(), repo.root);
    t.equal(status, 1);
    t.match(stderr, /^agent: \S+agent\.sock: no agent answers there .*\n$/);
    t.match(run(where, "install-service", "--user"), { status: /[12]/, stderr: /^agent: [^\n]*agent\.token[^\n]*\n$/ });
  }
});
