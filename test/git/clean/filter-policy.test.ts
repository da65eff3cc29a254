import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { type CleanFilter, cleanFilter, type FilterPolicy } from "../../../src/git/clean/clean-filter.js";
import { Config } from "../../../src/git/config/config.js";
import { loadConfig } from "../../../src/git/config/files.js";
import fc from "../../support/fast-check.js";
import { createRepo, GIT_ENV } from "../../support/repo.js";
import { tempDir } from "../../support/temp.js";

/** Where a setting can stand, least important first. */
const PLACES = [
  "system",
  "included by system",
  "global",
  "included by global",
  "included by global for this repository",
  "local",
  "included by local",
  "worktree",
  "included by worktree",
  "count",
  "parameters",
] as const;
type Place = (typeof PLACES)[number];

/** What `git config --show-scope` calls the settings that whoever wrote the repository has no say in. */
const USERS = ["system", "global", "command"];

const LFS = ["git-lfs clean -- %f", "git-lfs filter-process"];
const setting = fc.oneof(
  fc.record({
    key: fc.constantFrom("clean", "process"),
    value: fc.constantFrom("cat", "tr a-z A-Z", "", ...LFS, "git-lfs clean -- %f; id"),
  }),
  fc.record({ key: fc.constantFrom("required", "smudge"), value: fc.constantFrom("true", "false") }),
);
const definitions = fc.uniqueArray(fc.record({ place: fc.constantFrom(...PLACES), setting }), {
  maxLength: 6,
  selector: ({ place, setting: { key } }) => `${place} ${key}`,
});

interface Listed {
  scope: string;
  name: string;
  value: string;
}

/** What is to be done by the settings of some scopes. @returns `undefined` where none of them names a command */
function byScopes(listed: readonly Listed[], scopes: readonly string[]): { kind: string; command: string } | undefined {
  const last = (key: string) =>
    listed.findLast(({ scope, name }) => scopes.includes(scope) && name === `filter.x.${key}`)?.value;
  const process = last("process");
  const command = process ?? last("clean");
  return command === undefined ? undefined : { kind: process === undefined ? "command" : "process", command };
}

function expectedOf(listed: readonly Listed[], policy: FilterPolicy): Partial<CleanFilter> | undefined {
  const gits = byScopes(listed, [...USERS, "local", "worktree"]);
  const users = policy === "user" ? byScopes(listed, USERS) : undefined;
  const counting = users ?? gits;
  const isRequired = (scopes: readonly string[]) =>
    listed.findLast(({ scope, name }) => scopes.includes(scope) && name === "filter.x.required")?.value === "true";
  const required = isRequired(users === undefined ? [...USERS, "local", "worktree"] : USERS);
  if (counting === undefined || counting.command === "") return required ? { kind: "missing", name: "x" } : undefined;
  if (LFS.includes(counting.command)) return { kind: "lfs" };
  if (policy !== "all" && users === undefined) return { kind: "refused", name: "x" };
  return { ...counting, kind: counting.kind as "command", name: "x", required };
}

t.test("by scopes as git lists them, each policy takes the definition that it should", async (t) => {
  const repo = createRepo(t);
  const home = tempDir(t);
  const gitDir = join(repo.root, ".git");
  const seen = new Set<string>();
  const include = (file: string) => `[include]\n\tpath = ${file}\n`;
  const text = (place: Place, all: readonly { place: Place; setting: { key: string; value: string } }[]) =>
    all
      .filter((one) => one.place === place)
      .map(({ setting: { key, value } }) => `[filter "x"]\n\t${key} = "${value}"\n`)
      .join("");
  fc.assert(
    fc.property(definitions, (all) => {
      const write = (path: string, place: Place, before = "", after = ""): void =>
        writeFileSync(path, before + text(place, all) + after);
      write(join(home, "system"), "system", "", include("system-included"));
      write(join(home, "system-included"), "included by system");
      const conditional = `[includeIf "gitdir:${repo.root}/"]\n\tpath = conditional\n`;
      write(join(home, "global"), "global", "", include("global-included") + conditional);
      write(join(home, "global-included"), "included by global");
      write(join(home, "conditional"), "included by global for this repository");
      const format = "[core]\n\trepositoryFormatVersion = 1\n[extensions]\n\tworktreeConfig = true\n";
      write(join(gitDir, "config"), "local", format, include("included"));
      write(join(gitDir, "included"), "included by local");
      write(join(gitDir, "config.worktree"), "worktree", "", include("included.worktree"));
      write(join(gitDir, "included.worktree"), "included by worktree");
      const counted = all.filter(({ place }) => place === "count").map((one) => one.setting);
      const parameters = all.filter(({ place }) => place === "parameters").map((one) => one.setting);
      const environment: NodeJS.ProcessEnv = {
        ...GIT_ENV,
        GIT_CONFIG_NOSYSTEM: "0",
        GIT_CONFIG_SYSTEM: join(home, "system"),
        GIT_CONFIG_GLOBAL: join(home, "global"),
        GIT_CONFIG_COUNT: String(counted.length),
        ...Object.fromEntries(counted.map(({ key }, at) => [`GIT_CONFIG_KEY_${at}`, `filter.x.${key}`])),
        ...Object.fromEntries(counted.map(({ value }, at) => [`GIT_CONFIG_VALUE_${at}`, value])),
        ...(parameters.length > 0 && {
          GIT_CONFIG_PARAMETERS: parameters.map(({ key, value }) => `'filter.x.${key}'='${value}'`).join(" "),
        }),
      };
      const output = execFileSync("git", ["-C", repo.root, "config", "--list", "--show-scope", "-z"], {
        env: environment,
      });
      const fields = output.toString().split("\0").slice(0, -1);
      const listed: Listed[] = [];
      for (let at = 0; at < fields.length; at += 2) {
        const [name = "", value = ""] = (fields[at + 1] ?? "").split("\n");
        listed.push({ scope: fields[at] ?? "", name, value });
      }
      const local = [join(gitDir, "config"), join(gitDir, "config.worktree")];
      const config = loadConfig({ local, environment }, { gitDir, branch: () => "main" });
      for (const policy of ["user", "all", "none"] as const) {
        const found = cleanFilter("x", config, policy);
        const expected = expectedOf(listed, policy);
        seen.add(`${policy} ${found?.kind}`);
        if (JSON.stringify(sorted(found)) !== JSON.stringify(sorted(expected))) {
          throw new Error(`${policy}: ${JSON.stringify(found)} and not ${JSON.stringify(expected)}`);
        }
      }
    }),
    { numRuns: 150 },
  );
  for (const kind of ["lfs", "missing", "undefined"]) {
    for (const policy of ["user", "all", "none"]) t.ok(seen.has(`${policy} ${kind}`), `${policy} ${kind} was tried`);
  }
  for (const outcome of ["user command", "user process", "user refused", "all command", "none refused"]) {
    t.ok(seen.has(outcome), `${outcome} was tried`);
  }
  t.notOk(seen.has("all refused") || seen.has("none command") || seen.has("none process"));
});

function sorted(value: object | undefined): unknown {
  return value && Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
}

t.test("a pointer of Git LFS is made only for the commands that Git LFS itself configures", async (t) => {
  const standard = [
    "git-lfs clean -- %f",
    "git lfs clean %f",
    "git-lfs filter-process",
    "git-lfs filter-process --skip",
  ];
  const others = [
    "git-lfs clean -- %f; touch /tmp/x",
    "git-lfs clean -- %f\ntouch x",
    "git-lfs clean $(touch x) -- %f",
    "./git-lfs clean -- %f",
    "git-lfs",
    "git-lfs smudge -- %f",
    "xgit-lfs filter-process",
  ];
  for (const value of [...standard, ...others]) {
    const clean = { name: "filter.lfs.clean", value };
    const own = new Config([clean], [], new Set([clean]));
    const expected = standard.includes(value) ? { kind: "lfs" } : { kind: "refused", name: "lfs" };
    for (const policy of ["user", "none"] as const) t.same(cleanFilter("lfs", own, policy), expected, value);
  }
});

t.test("a repository's extension of Git LFS, which git-lfs would run, takes the user's own filter away", async (t) => {
  const clean = { name: "filter.lfs.clean", value: "git-lfs clean -- %f" };
  const extension = { name: "lfs.extension.x.clean", value: "touch x" };
  const settings = [clean, extension];
  t.match(cleanFilter("lfs", new Config(settings, [], new Set([extension])), "user"), { kind: "refused" });
  t.match(cleanFilter("lfs", new Config(settings, [], new Set(settings)), "user"), { kind: "refused" });
  t.match(cleanFilter("lfs", new Config(settings), "user"), { kind: "command", command: clean.value });
  t.match(cleanFilter("lfs", new Config(settings), "none"), { kind: "refused" });
  t.match(cleanFilter("lfs", new Config(settings, [], new Set(settings)), "all"), { kind: "command" });
});

t.test(
  "the name of a filter that is told has no control characters, and no more than the protocol takes",
  async (t) => {
    const name = "\x1b[31m\x9b".repeat(400);
    const clean = { name: `filter.${Buffer.from(name, "latin1").toString()}.clean`, value: "cat" };
    const found = cleanFilter(name, new Config([clean], [], new Set([clean])), "user");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    t.notMatch(found?.kind === "refused" && found.name, /[\x00-\x1f\x7f-\x9f]/);
    t.equal(found?.kind, "refused");
  },
);
