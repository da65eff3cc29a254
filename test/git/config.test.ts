import { execFileSync } from "node:child_process";
import { chownSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import t from "tap";
import { Config } from "../../src/git/config.js";
import { loadConfig } from "../../src/git/config-files.js";
import { parseConfig } from "../../src/git/config-syntax.js";
import { openRepository } from "../../src/git/index.js";
import { createRepo, GIT_ENV, git } from "../support/repo.js";
import { tempDir } from "../support/temp.js";

const SEED = Number(process.env.TREEWIRE_TEST_SEED ?? 20_260_102);

/** `name=value` or `name` of each setting, in order; `undefined` when git refuses the file. */
function listedByGit(args: readonly string[], dir: string): string[] | undefined {
  try {
    const output = execFileSync("git", ["-C", dir, "config", ...args, "--list", "-z"], {
      env: GIT_ENV,
      stdio: ["ignore", "pipe", "ignore"],
    });
    return output
      .toString()
      .split("\0")
      .slice(0, -1)
      .map((entry) => entry.replace("\n", "="));
  } catch {
    return undefined;
  }
}

const spoken = ({ name, value }: { name: string; value: string | undefined }): string =>
  value === undefined ? name : `${name}=${value}`;

t.test("configuration files are parsed as git parses them", async (t) => {
  const dir = tempDir(t);
  const file = join(dir, "config");
  const piece = fc.oneof(
    fc.constantFrom(
      "[core]\n",
      '[Core "Sub"]\n',
      "[a.b]",
      '[x "q\\"u\\\\"]',
      "[ bad]",
      "[core",
      "\ufeff",
      '[remote "o r"]\n\t',
    ),
    fc.constantFrom(
      "key = value\n",
      "Key2=v # c\n",
      "flag\n",
      'n = "a ; b" c\n',
      'e = a\\tb\\n\\\\\\"\n',
      "bad\\q = 1\n",
      "k = \\\n  more\n",
    ),
    fc.constantFrom(
      "v = a\\\r\nb\r\n",
      'q = "open\n',
      "; comment\n",
      "# c\n",
      "k-1 = x\n",
      "1k = x\n",
      "k_ = x\n",
      "  ",
      "\n",
      "\r\n",
    ),
    fc.constantFrom(
      "= x\n",
      "key",
      "key = ",
      "key = v",
      "s =   a b  \t\n",
      "u = é\n",
      'x = "" y\n',
      'x = a"b"c\n',
      "b = \\b\n",
      "bad = \\x\n",
    ),
  );
  const property = fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
    const text = pieces.join("");
    writeFileSync(file, text);
    let found: string[] | undefined;
    try {
      found = parseConfig(text).map(spoken);
    } catch {
      found = undefined;
    }
    const expected = listedByGit(["-f", file], dir);
    if (JSON.stringify(found) !== JSON.stringify(expected)) {
      throw new Error(`${JSON.stringify(found)}, and git says ${JSON.stringify(expected)}`);
    }
  });
  fc.assert(property, { numRuns: 400, seed: SEED });
  t.pass(`seed ${SEED}`);
});

t.test("includes are followed where their conditions hold, in git's order", async (t) => {
  const repo = createRepo(t, { file: "1\n" });
  const outer = tempDir(t);
  const home = join(outer, "home");
  mkdirSync(join(home, ".config/git"), { recursive: true });
  const environment: NodeJS.ProcessEnv = { ...GIT_ENV, HOME: home };
  delete environment.GIT_CONFIG_GLOBAL;
  delete environment.XDG_CONFIG_HOME;
  const conditions = [
    "gitdir:~/",
    `gitdir:${repo.root}/`,
    `gitdir:${repo.root}`,
    `gitdir:${repo.root}/.git`,
    `gitdir:${repo.root.toUpperCase()}/`,
    `gitdir/i:${repo.root.toUpperCase()}/`,
    "gitdir:.git",
    "gitdir:/**/.git",
    "gitdir:nowhere/",
    "gitdir:./../",
    "onbranch:main",
    "onbranch:m*",
    "onbranch:feature/",
    "hasconfig:remote.*.url:https://example.com/**",
    "hasconfig:remote.*.url:https://*/x",
    "hasconfig:remote.*.url:nothing",
    "unknown:x",
  ];
  const body = conditions.map((condition, at) => `[includeIf "${condition}"]\n\tpath = in${at}\n`).join("");
  for (const [at] of conditions.entries()) writeFileSync(join(outer, `in${at}`), `[cond]\n\tat = ${at}\n`);
  writeFileSync(join(outer, "outer"), `[first]\n\tx = 1\n${body}[last]\n\tx = 2\n`);
  writeFileSync(join(home, ".gitconfig"), "[include]\n\tpath = ../outer\n\tpath = missing\n[home]\n\tx = 3\n");
  writeFileSync(join(home, ".config/git/config"), "[xdg]\n\tx = 4\n[home]\n\tx = 0\n");
  for (const branch of ["main", "feature/x"]) {
    if (branch !== "main") repo.git("checkout", "-q", "-b", branch);
    if (branch === "main") repo.git("config", "remote.origin.url", "https://example.com/some/x");
    const context = { gitDir: join(repo.root, ".git"), branch: () => branch };
    const local = [join(repo.root, ".git/config")];
    const config = loadConfig({ local, environment }, context);
    const expected = execFileSync("git", ["-C", repo.root, "config", "--list", "-z"], { env: environment });
    const names = new Set(
      expected
        .toString()
        .split("\0")
        .slice(0, -1)
        .map((entry) => entry.split("\n")[0] ?? ""),
    );
    for (const name of names) {
      const values = execFileSync("git", ["-C", repo.root, "config", "-z", "--get-all", name], { env: environment });
      t.same(config.all(name), values.toString().split("\0").slice(0, -1), `${branch}: ${name}`);
    }
    t.same(new Set(config.names("")), names);
  }
});

t.test("truth values and numbers are read as git reads them", async (t) => {
  for (const value of ["true", "YES", "on", "1", "-1", "2k", "false", "No", "off", "0", "", "maybe", "1x"]) {
    const config = new Config([{ name: "a.b", value }]);
    let expected: string;
    try {
      expected = execFileSync("git", ["-c", `a.b=${value}`, "config", "--type=bool", "a.b"], {
        env: GIT_ENV,
        stdio: ["ignore", "pipe", "ignore"],
      })
        .toString()
        .trim();
    } catch {
      expected = "neither";
    }
    const found =
      config.boolean("a.b", false) === config.boolean("a.b", true) ? `${config.boolean("a.b", false)}` : "neither";
    t.equal(found, expected, JSON.stringify(value));
  }
  for (const value of ["512m", "1g", "0", "12K"]) {
    const expected = git("/", "-c", `a.b=${value}`, "config", "--type=int", "a.b");
    t.equal(new Config([{ name: "a.b", value }]).integer("a.b", -1), Number(expected), value);
  }
});

t.test("settings in the environment outweigh all files", async (t) => {
  const repo = createRepo(t, { file: "1\n" });
  repo.git("config", "core.fileMode", "true");
  const environment = {
    ...GIT_ENV,
    GIT_CONFIG_COUNT: "2",
    GIT_CONFIG_KEY_0: "core.fileMode",
    GIT_CONFIG_VALUE_0: "false",
    GIT_CONFIG_KEY_1: "remote.origin.url",
    GIT_CONFIG_VALUE_1: "ssh://x/y",
  };
  t.ok((await openRepository(repo.root, GIT_ENV)).trustsFileMode);
  const repository = await openRepository(repo.root, environment);
  t.notOk(repository.trustsFileMode);
  t.equal(await repository.remoteOrigin(), "ssh://x/y");
});

t.test("settings of `git -c` count as git hands them to its children", async (t) => {
  const repo = createRepo(t, { file: "1\n" });
  const url = 'it\'s\na "place" = here!';
  const settings = [
    "core.fileMode=false",
    `remote.origin.url=${url}`,
    "core.symlinks",
    "alias.told=!printenv GIT_CONFIG_PARAMETERS",
  ];
  const told = repo.git(...settings.flatMap((setting) => ["-c", setting]), "told");
  const old = `'core.fileMode=false' 'remote.origin.url=${url.replaceAll(/['!]/g, "'\\$&'")}'`;
  for (const text of [told, old]) {
    const environment = { ...GIT_ENV, GIT_CONFIG_PARAMETERS: text };
    const repository = await openRepository(repo.root, environment);
    t.notOk(repository.trustsFileMode, text);
    t.equal(await repository.remoteOrigin(), url);
    t.ok(repository.trustsSymlinks);
    const byGit = execFileSync("git", ["-C", repo.root, "config", "remote.origin.url"], { env: environment });
    t.equal(byGit.toString(), `${url}\n`, "git reads it so");
  }
  for (const text of ["core.fileMode=false", "'core.fileMode", "'core'='x'", "'a.b'='c''d.e'='f'"]) {
    const environment = { ...GIT_ENV, GIT_CONFIG_PARAMETERS: text };
    t.throws(() => execFileSync("git", ["-C", repo.root, "config", "x.y"], { env: environment, stdio: "pipe" }), text);
    await t.rejects(openRepository(repo.root, environment), { message: /GIT_CONFIG_PARAMETERS/ }, text);
  }
});

t.test("config.worktree counts for its working tree only, where the extension is on", async (t) => {
  const repo = createRepo(t, { file: "1\n" });
  const linked = join(tempDir(t), "linked");
  repo.git("worktree", "add", "-q", linked);
  repo.git("config", "extensions.worktreeConfig", "true");
  git(linked, "config", "--worktree", "remote.origin.url", "only/here");
  t.equal(await (await openRepository(linked, GIT_ENV)).remoteOrigin(), "only/here");
  t.equal(await (await openRepository(repo.root, GIT_ENV)).remoteOrigin(), "");
  const elsewhere = tempDir(t);
  git(linked, "config", "--worktree", "core.worktree", elsewhere);
  t.equal((await openRepository(linked, GIT_ENV)).root, elsewhere);
});

t.test(
  "a repository of another user is refused unless it is trusted",
  { skip: process.geteuid?.() !== 0 && "only root may give a file away" },
  async (t) => {
    const repo = createRepo(t, { file: "1\n" });
    const global = join(tempDir(t), "gitconfig");
    const environment = { ...GIT_ENV, GIT_CONFIG_GLOBAL: global };
    const OTHER_USER = 65_534;
    chownSync(join(repo.root, ".git"), OTHER_USER, OTHER_USER);
    const answers: Record<string, boolean> = {
      "": false,
      [`directory = ${repo.root}`]: true,
      "directory = *": true,
      "directory = *\n\tdirectory =": false,
      [`directory = ${repo.root}x`]: false,
      "directory = /": false,
    };
    for (const [body, trusted] of Object.entries(answers)) {
      writeFileSync(global, `[safe]\n\t${body}\n`);
      const byGit = (): boolean => {
        try {
          execFileSync("git", ["-C", repo.root, "rev-parse"], { env: environment, stdio: "ignore" });
          return true;
        } catch {
          return false;
        }
      };
      t.equal(byGit(), trusted, `git: ${body}`);
      const opened = openRepository(repo.root, environment);
      if (trusted) t.equal((await opened).root, repo.root, body);
      else await t.rejects(opened, { code: "TW_UNTRUSTED_REPOSITORY", message: /safe\.directory/ }, body);
    }
    // The repository's own word does not count.
    rmSync(global);
    writeFileSync(join(repo.root, ".git/config"), "[safe]\n\tdirectory = *\n");
    await t.rejects(openRepository(repo.root, environment), { code: "TW_UNTRUSTED_REPOSITORY" });
    await t.rejects(openRepository(repo.root, { ...environment, SUDO_UID: "1000" }), {
      code: "TW_UNTRUSTED_REPOSITORY",
    });
    t.ok(await openRepository(repo.root, { ...environment, SUDO_UID: String(OTHER_USER) }));
  },
);
