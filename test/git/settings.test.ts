import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { Config } from "../../src/git/config/config.js";
import { parseConfig } from "../../src/git/config/syntax.js";
import { SHA1, SHA256 } from "../../src/git/objects/object-id.js";
import { isBare, readSettings, repositoryFormat } from "../../src/git/settings.js";
import { createRepo } from "../support/repo.js";

const config = (text: string): Config => new Config(parseConfig(text));

t.test("a repository is bare by the setting that git goes by", async (t) => {
  const repo = createRepo(t);
  for (const line of ["bare", "bare = true", "bare = 1", "bare =", "bare = no", "filemode = false"]) {
    const text = `[core]\n\trepositoryformatversion = 0\n\t${line}\n`;
    writeFileSync(join(repo.root, ".git/config"), text);
    const byGit = repo.git("rev-parse", "--is-bare-repository") === "true";
    t.equal(isBare(config(text)), byGit, line);
  }
});

t.test("a format that can't be read is refused, naming the feature", async (t) => {
  const format = (text: string): unknown => repositoryFormat(config(text), "/w/.git");
  const extension = (line: string): string => `[core]\nrepositoryformatversion = 1\n[extensions]\n${line}\n`;
  t.same(format(""), { objects: SHA1, refs: "files" });
  t.same(format("[extensions]\nunknown = 1\n"), { objects: SHA1, refs: "files" }, "version 0 has no extensions");
  t.same(format(extension("objectFormat = sha256")), { objects: SHA256, refs: "files" });
  t.same(format(extension("refStorage = reftable")), { objects: SHA1, refs: "reftable" });
  for (const [text, words] of [
    ["[core]\nrepositoryformatversion = 2\n", /core\.repositoryFormatVersion 2/],
    [extension("unknown"), /extensions\.unknown/],
    [extension("objectFormat = md5"), /extensions\.objectFormat=md5/],
    [extension("refStorage = other"), /extensions\.refstorage=other/],
  ] as const) {
    t.throws(() => format(text), { code: "TW_UNSUPPORTED_REPOSITORY", message: words });
  }
});

t.test("files that settings name are below the working tree, the home or the root", async (t) => {
  const text = "[core]\nexcludesFile = ~/ignore\nattributesFile = rules\n[diff]\norderFile = /order\n";
  const settings = readSettings(config(text), "/w", { HOME: "/home/me" });
  t.match(settings, { excludesFile: "/home/me/ignore", attributesFile: "/w/rules", orderFile: "/order" });
  const unset = readSettings(config("[core]\nexcludesFile =\n"), "/w", { HOME: "/home/me" });
  t.equal(unset.excludesFile, undefined);
  t.equal(unset.attributesFile, "/home/me/.config/git/attributes");
});
