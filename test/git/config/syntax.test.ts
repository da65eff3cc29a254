import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { ConfigSyntaxError, parseConfig } from "../../../src/git/config/syntax.js";
import { GIT_ENV } from "../../support/repo.js";
import { tempDir } from "../../support/temp.js";

t.test("settings come in their order, names in lower case, subsections as written", async (t) => {
  const text = '[Core]\n\tFileMode = false ; why\n[branch "Main \\"x\\""] Remote = "a ;b"\n[a.B]c\n[core]filemode\n';
  t.same(parseConfig(text), [
    { name: "core.filemode", value: "false" },
    { name: 'branch.Main "x".remote', value: "a ;b" },
    { name: "a.b.c", value: undefined },
    { name: "core.filemode", value: undefined },
  ]);
  t.same(parseConfig(""), []);
});

t.test("what breaks the syntax is named by the line that git names", async (t) => {
  const file = join(tempDir(t), "config");
  const breaks = [
    "[core\n",
    "[core]\n\n!\n",
    "[core]\n\tx = 1\n\t1x = 2\n",
    '[core]\n\tx = "1\n',
    "[core]\n\n\tx = \\q\n",
    "#\r\n[core]\r\nx ! y\r\n",
  ];
  for (const text of breaks) {
    writeFileSync(file, text);
    const { stderr } = spawnSync("git", ["config", "-f", file, "--list"], { env: GIT_ENV, encoding: "utf8" });
    const line = Number(/bad config line (\d+)/.exec(stderr)?.[1]);
    t.throws(() => parseConfig(text), new ConfigSyntaxError(line), JSON.stringify(text));
  }
});
