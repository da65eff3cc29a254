import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { openRepository } from "../../src/git/index.js";
import { createRepo, GIT_ENV } from "../support/repo.js";

t.test("settings are loaded anew when the configuration's content changes, and only then", async (t) => {
  const repo = createRepo(t, { file: "1\n" });
  const config = join(repo.root, ".git/config");
  const repository = openRepository(repo.root, GIT_ENV);
  t.same(repository.revalidate(["config", "ignore", "attributes"]), new Set());
  repo.git("config", "core.fileMode", "false");
  repo.git("config", "remote.origin.url", "ssh://x/y");
  t.equal(repository.remoteOrigin(), "", "nothing is asked before somebody says that it may have changed");
  t.same(repository.revalidate(["config"]), new Set(["config"]));
  t.equal(repository.remoteOrigin(), "ssh://x/y");
  t.notOk(repository.trustsFileMode);
  t.same(repository.revalidate(["config"]), new Set());
  t.equal(repository.watchPaths().get(config), "config");
});

t.test("configuration that breaks its syntax leaves the answers, and is found again at the next call", async (t) => {
  const repo = createRepo(t, { file: "1\n" });
  repo.git("config", "remote.origin.url", "ssh://x/y");
  const repository = openRepository(repo.root, GIT_ENV);
  const config = join(repo.root, ".git/config");
  writeFileSync(config, "[core\n");
  for (const time of ["first", "second"]) {
    t.throws(() => repository.revalidate(["config"]), { code: "TW_BAD_GIT_CONFIG", message: config }, time);
  }
  t.equal(repository.remoteOrigin(), "ssh://x/y");
  rmSync(config);
  t.same(repository.revalidate(["config"]), new Set(["config"]));
  t.equal(repository.remoteOrigin(), "");
});

t.test("a branch's own configuration is loaded when HEAD moves to it", async (t) => {
  const repo = createRepo(t, { file: "1\n" });
  const extra = join(repo.root, ".git/extra");
  writeFileSync(extra, '[remote "origin"]\n\turl = only/there\n');
  repo.git("config", "includeIf.onbranch:other.path", extra);
  const repository = openRepository(repo.root, GIT_ENV);
  t.equal(repository.remoteOrigin(), "");
  repo.git("checkout", "-q", "-b", "other");
  repository.invalidate(["head"]);
  t.equal(repository.remoteOrigin(), "only/there");
  t.equal(repository.head().branch, "other");
});

t.test("attributes are read again when they may have changed", async (t) => {
  const repo = createRepo(t, { file: "1\n" });
  const repository = openRepository(repo.root, GIT_ENV);
  t.same(repository.attributes("file"), {});
  repo.write(".gitattributes", "file -diff\n");
  repository.invalidate(["attributes"]);
  t.same(repository.attributes("file"), { binary: true });
  writeFileSync(join(repo.root, ".git/info/attributes"), "file diff=java\n");
  t.same(repository.revalidate(["attributes", "ignore"]), new Set(["attributes"]));
  t.same(repository.attributes("file"), { diffDriver: "java" });
});

t.test("a file has changed when it is as it was compared again, but an answer was made of it in between", async (t) => {
  const repo = createRepo(t, { file: "1\n" });
  const at = (name: string) => join(repo.root, ".git/info", name);
  writeFileSync(at("exclude"), "a\n");
  writeFileSync(at("attributes"), "file -diff\n");
  const repository = openRepository(repo.root, GIT_ENV);
  const ignores = (name: string) => repository.ignoreRules(undefined).ignores(name, false);
  writeFileSync(at("exclude"), "b\n");
  writeFileSync(at("attributes"), "file diff=java\n");
  t.same([ignores("a"), ignores("b")], [false, true]);
  t.same(repository.attributes("file"), { diffDriver: "java" });
  writeFileSync(at("exclude"), "a\n");
  writeFileSync(at("attributes"), "file -diff\n");
  t.same(repository.revalidate(["ignore", "attributes"]), new Set(["ignore", "attributes"]));
  t.same([ignores("a"), ignores("b")], [true, false]);
  t.same(repository.attributes("file"), { binary: true });
  t.same(repository.revalidate(["ignore", "attributes"]), new Set(), "and then it has not");
});
