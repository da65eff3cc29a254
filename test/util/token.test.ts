import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { tokenFile } from "../../src/util/index.js";
import { tempDir } from "../support/temp.js";

t.test("the file is read at each attempt, without the line feed at its end", async (t) => {
  const path = join(tempDir(t), "token");
  const source = tokenFile(path);
  writeFileSync(path, "one\n");
  t.equal(source.read(), "one");
  writeFileSync(path, "two");
  t.equal(source.read(), "two");
});

t.test("a file that holds no token is named, what is in it is not", async (t) => {
  const dir = tempDir(t);
  const path = join(dir, "token");
  const refused = (detail: RegExp, from = path) =>
    t.throws(() => tokenFile(from).read(), { code: "TW_BAD_TOKEN_FILE", message: detail });
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
