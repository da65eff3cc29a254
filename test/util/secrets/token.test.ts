import { execFileSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { tokenFile } from "../../../src/util/index.js";
import { tempDir } from "../../support/temp.js";

t.test("the file is read at each attempt, without the line feed at its end", async (t) => {
  const path = join(tempDir(t), "token");
  const source = tokenFile(path, () => {});
  writeFileSync(path, "one\n");
  t.equal(source.read(), "one");
  writeFileSync(path, "two");
  t.equal(source.read(), "two");
});

t.test("a file that holds no token is named, what is in it is not", async (t) => {
  const dir = tempDir(t);
  const path = join(dir, "token");
  const refused = (detail: RegExp, from = path) =>
    t.throws(() => tokenFile(from, () => {}).read(), { code: "TW_BAD_TOKEN_FILE", message: detail });
  refused(/\(ENOENT\)/);
  refused(/\(EISDIR\)/, dir);
  writeFileSync(path, " \n");
  refused(/\(it is empty\)/);
  writeFileSync(path, "secret words");
  refused(/^(?!.*secret).*more than one word/);
  writeFileSync(path, "s\x07ecret");
  refused(/^(?!.*ecret).*visible ASCII/);
  writeFileSync(path, "x".repeat(5000));
  refused(/longer than 4096 bytes/);
  if (process.getuid?.() !== 0) {
    chmodSync(path, 0);
    refused(/\(EACCES\)/);
  }
});

t.test("what is no regular file is refused at once: nobody may ever write to it, or never stop", async (t) => {
  const fifo = join(tempDir(t), "fifo");
  execFileSync("mkfifo", [fifo]);
  for (const path of [fifo, "/dev/zero"]) {
    t.throws(() => tokenFile(path, () => {}).read(), {
      code: "TW_BAD_TOKEN_FILE",
      message: /it is not a regular file/,
    });
  }
});

t.test("a token that everybody can read is taken, and that is told once, with path and mode", async (t) => {
  const path = join(tempDir(t), "token");
  writeFileSync(path, "secret\n");
  const warnings: string[] = [];
  const source = tokenFile(path, (warning) => warnings.push(warning));
  chmodSync(path, 0o640);
  t.equal(source.read(), "secret");
  t.same(warnings, []);
  chmodSync(path, 0o644);
  t.equal(source.read(), "secret");
  source.read();
  t.same(warnings, [`${path}: every user of this machine can read the token (mode 0644)`]);
});
