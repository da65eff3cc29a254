import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { createToken, listChats, listTokens } from "../../../../src/relay/index.js";
import { runProgram, startProgram } from "../../../support/program.js";
import { type Cleanup, tempDir } from "../../../support/temp.js";

async function serve(t: Cleanup, dataDir: string) {
  const program = startProgram(t, "relay", ["serve", "--data-dir", dataDir, "--listen", "127.0.0.1:0"]);
  await program.line("the listening line", () => true);
  return program;
}

t.test("a second relay is refused with the first one's process id, and the first goes on", async (t) => {
  const dataDir = join(tempDir(t), "data");
  const first = await serve(t, dataDir);
  const { url } = JSON.parse(first.stdout);
  const second = await runProgram(t, "relay", ["serve", "--data-dir", dataDir, "--listen", "127.0.0.1:0"]);
  t.same([second.status, second.stdout], [1, ""]);
  t.equal(
    second.stderr,
    `relay: ${dataDir}: another relay serves this directory (process ${first.child.pid}); stop it first, or give each relay a --data-dir of its own\n`,
  );
  t.equal((await fetch(`${url}/readyz`)).status, 200);

  t.equal((await first.stop("SIGKILL")).signal, "SIGKILL");
  const third = await serve(t, dataDir);
  t.equal(readFileSync(join(dataDir, "serve.pid"), "utf8"), `${third.child.pid}\n`, "the lock died with its process");
  t.equal((await third.stop()).status, 0);
  t.notOk(existsSync(join(dataDir, "serve.pid")));
  await (await serve(t, dataDir)).stop();
});

t.test("a process id that is another process's by now keeps nobody out", async (t) => {
  const dataDir = tempDir(t);
  writeFileSync(join(dataDir, "serve.pid"), `${process.pid}\n`);
  t.equal((await (await serve(t, dataDir)).stop()).status, 0);
});

t.test("a command that is told a directory that does not exist makes nothing", async (t) => {
  const parent = tempDir(t);
  const missing = join(parent, "missing");
  const id = "22222222-2222-4222-8222-222222222222";
  for (const args of [
    ["token", "create", "--kind", "client", "--user", "me"],
    ["token", "list"],
    ["token", "revoke", "0123456789abcdef"],
    ["chat", "bind", id, "--workspace", id],
    ["chat", "unbind", id],
    ["chat", "list"],
  ]) {
    const { status, stdout, stderr } = await runProgram(t, "relay", [...args, "--data-dir", missing]);
    t.same([status, stdout], [2, ""], args.join(" "));
    t.match(stderr, `relay: ${missing}: no relay's data (it does not exist); `);
    t.equal(stderr.split("\n").length, 2, "one line");
  }
  t.same(readdirSync(parent), []);
});

t.test(
  "a data directory that cannot be made is one line of error, also where the system says that it has no parent",
  async (t) => {
    for (const dataDir of ["/proc/nope", "/proc/nope/deeper"]) {
      const args = ["serve", "--data-dir", dataDir, "--listen", "127.0.0.1:0"];
      const { status, stdout, stderr } = await runProgram(t, "relay", args);
      t.same([status, stdout], [1, ""]);
      t.match(stderr, `relay: ${dataDir}: the data directory cannot be used (ENOENT`);
      t.equal(stderr.split("\n").length, 2, "one line");
    }
  },
);

t.test("a command leaves a directory alone that holds something else, and takes an empty one", async (t) => {
  const foreign = tempDir(t);
  writeFileSync(join(foreign, "letter.txt"), "");
  await t.rejects(createToken(foreign, { kind: "client", user: "me" }), { code: "TW_NO_RELAY_DATA" });
  await t.rejects(listChats(foreign), { code: "TW_NO_RELAY_DATA" });
  t.same(readdirSync(foreign), ["letter.txt"]);
  await t.rejects(listTokens(join(foreign, "letter.txt")), { code: "TW_DATA_DIR" });

  const fresh = tempDir(t);
  mkdirSync(join(fresh, "lost+found")); // as on a file system that was just made
  await createToken(fresh, { kind: "client", user: "me" });
  t.equal((await listTokens(fresh)).length, 1);
  writeFileSync(join(fresh, "notes.txt"), "");
  t.equal((await listTokens(fresh)).length, 1, "what lies beside a relay's data is nobody's business");
});
