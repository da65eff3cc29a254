import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { createToken, listTokens } from "../../../src/relay/index.js";
import { runProgram } from "../../support/program.js";
import { tempDir } from "../../support/temp.js";

t.test("relay export and relay import carry a relay to another directory", async (t) => {
  const [from, to, out] = [tempDir(t), tempDir(t), tempDir(t)];
  await createToken(from, { kind: "client", user: "alice" });
  const tokens = await listTokens(from);
  const file = join(out, "backup");
  const run = (...args: string[]) => runProgram(t, "relay", args);
  const exported = await run("export", "--data-dir", from, "--out", file);
  t.match(exported, { status: 0, stdout: "", stderr: "exported 1 tokens, 0 invites, 0 chats, 0 files (0.0 MiB)\n" });
  t.equal(statSync(file).mode & 0o777, 0o600);
  const printed = await run("export", "--data-dir", from);
  const linesOf = (text: string) => text.split("\n").slice(1); // the first one has the time
  t.same(linesOf(printed.stdout), linesOf(readFileSync(file, "utf8")));

  t.match(await run("import", "--data-dir", to, file), { status: 0, stdout: "", stderr: /^imported 1 tokens/ });
  t.same(await listTokens(to), tokens);
  const half = join(out, "half");
  writeFileSync(half, printed.stdout.slice(0, 100));
  for (const [args, status, line] of [
    [["import", "--data-dir", to, file], 2, /already; import into an empty store, or say --force/],
    [["import", "--data-dir", tempDir(t), half], 2, /half: not an export .*line 2/],
    [["import", "--data-dir", tempDir(t), join(out, "none")], 2, /none: cannot be read \(.*ENOENT/],
    [["export", "--data-dir", from, "--out", file], 1, /backup: the export cannot be written there \(there is a file/],
    [["export", "--data-dir", join(out, "none")], 2, /no relay's data/],
  ] as const) {
    const { status: left, stdout, stderr } = await run(...args);
    t.same([left, stdout], [status, ""], args.join(" "));
    t.match(stderr, line);
    t.equal(stderr.split("\n").length, 2, "one line");
  }
  t.match(await run("import", "--force", "--data-dir", to, file), { status: 0 });
  t.same(await listTokens(to), tokens);
});
