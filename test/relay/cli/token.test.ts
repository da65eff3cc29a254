import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { listTokens } from "../../../src/relay/index.js";
import { runProgram } from "../../support/program.js";
import { tempDir } from "../../support/temp.js";

const CLIENT = ["token", "create", "--kind", "client", "--user", "me"];

t.test("--out writes the token for its owner alone, and prints nothing", async (t) => {
  const [dir, home] = [tempDir(t), tempDir(t)];
  const out = join(home, "client.token");
  const made = await runProgram(t, "relay", [...CLIENT, "--data-dir", dir, "--out", out]);
  t.match(made, { status: 0, stdout: "", stderr: "" });
  t.equal(statSync(out).mode & 0o777, 0o600);
  const text = readFileSync(out, "utf8");
  t.match(text, /^twc_\S+\n$/);
  t.equal((await listTokens(dir))[0]?.tokenId, text.split("_")[1]);
  t.same(readdirSync(home), ["client.token"]);
});

t.test("--out takes the place of nothing, and makes no token that nobody has", async (t) => {
  const [dir, home] = [tempDir(t), tempDir(t)];
  const precious = join(home, "precious");
  writeFileSync(precious, "kept");
  symlinkSync(precious, join(home, "link"));
  symlinkSync(join(home, "nowhere"), join(home, "dangling"));
  for (const [name, words] of [
    ["precious", /precious: the token cannot be written there \(there is a file already\)/],
    ["link", /there is a file already/],
    ["dangling", /there is a file already/],
    ["missing/token", /ENOENT/],
  ] as const) {
    const refused = await runProgram(t, "relay", [...CLIENT, "--data-dir", dir, "--out", join(home, name)]);
    t.same([refused.status, refused.stdout], [1, ""], name);
    t.match(refused.stderr, words);
    t.equal(refused.stderr.split("\n").length, 2, "one line");
  }
  t.equal(readFileSync(precious, "utf8"), "kept");
  t.same(readdirSync(home).sort(), ["dangling", "link", "precious"]);
  t.same(readdirSync(dir), [], "the directory was not even looked at");

  const bad = await runProgram(t, "relay", [
    "token",
    "create",
    "--kind",
    "agent",
    "--data-dir",
    dir,
    "--out",
    join(home, "x"),
  ]);
  t.equal(bad.status, 2);
  t.same(readdirSync(home).sort(), ["dangling", "link", "precious"], "nothing stays of what came to nothing");
});

t.test("a token or chat that does not exist has a code of its own, in one line", async (t) => {
  const dir = tempDir(t);
  const at = ["--data-dir", dir];
  const token = await runProgram(t, "relay", ["token", "revoke", "0123456789abcdef", ...at]);
  t.same(
    [token.status, token.stderr],
    [2, "relay: 0123456789abcdef: there is no such token; `relay token list` names them\n"],
  );
  const id = "22222222-2222-4222-8222-222222222222";
  const chat = await runProgram(t, "relay", ["chat", "unbind", id, ...at]);
  t.same([chat.status, chat.stderr], [2, `relay: CHAT ${id}: there is no such chat; \`relay chat list\` names them\n`]);
});
