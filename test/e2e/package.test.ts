import { execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild-wasm";
import t from "tap";
import { z } from "zod";
import { Program } from "../support/program.js";
import { createRepo, expectedOf, GIT_ENV } from "../support/repo.js";
import { type Cleanup, tempDir } from "../support/temp.js";

const project = fileURLToPath(new URL("../../../", import.meta.url));
/** `npm run test:install` takes the dependencies from the registry; without it, those that are installed here are used. */
const FROM_REGISTRY = process.env.FROM_REGISTRY === "1";
/** npm and several programs start one after the other, on a machine that may be busy. */
const DEADLINE_MS = 60_000;
const ENV = { ...GIT_ENV, NODE_OPTIONS: "" };

const unbundled = !existsSync(join(project, "dist/chunks")) && "this build is for coverage: nothing is bundled";

const run = (command: string, args: readonly string[], cwd = project) =>
  execFileSync(command, args, { cwd, env: ENV, stdio: ["ignore", "pipe", "pipe"] }).toString();

const manifestSchema = z.object({
  name: z.string(),
  version: z.string(),
  dependencies: z.record(z.string(), z.string()).optional(),
});

/** Packs a package and unpacks it. */
function pack(folder: string) {
  const dir = tempDir(t);
  // --ignore-scripts: the others of these tests run what `prepare` would build anew
  const args = ["pack", "--ignore-scripts", "--silent", "--pack-destination", dir];
  const tarball = join(dir, run("npm", args, join(project, folder)).trim());
  run("tar", ["xzf", tarball, "-C", dir]);
  const root = join(dir, "package");
  const read = (name: string) => readFileSync(join(root, name), "utf8");
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
  return { tarball, root, files, read, manifest: manifestSchema.parse(JSON.parse(read("package.json"))) };
}

const { tarball, root, files, read, manifest } = pack(".");
const client = pack("packages/client");
const scripts = files.filter((name) => /\.c?js$/.test(name) && !name.startsWith("examples/"));

interface Import {
  specifier: string;
  isLazy: boolean;
}

/** What a bundle imports, as esbuild prints it. */
function importsOf(name: string): Import[] {
  const source = read(name);
  const statements = source.matchAll(/^(?:import|export)\s(?:[^"';]*?\sfrom\s)?"([^"]+)";/gm);
  const calls = source.matchAll(
    /(?:\bimport(?:Module)?\(|\bcreateRequire\w*\((?:import\.meta\.|__)filename\)\()"([^"]+)"\)/g,
  );
  return [
    ...[...statements].map(([, specifier = ""]) => ({ specifier, isLazy: false })),
    ...[...calls].map(([, specifier = ""]) => ({ specifier, isLazy: true })),
  ];
}

/** The packages that files name, without Node's own. */
function packagesOf(imports: readonly Import[]): string[] {
  const names = imports
    .filter(({ specifier }) => !/^(?:\.|node:)/.test(specifier))
    .map(({ specifier }) => specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/"));
  return [...new Set(names)].filter((name) => !builtinModules.includes(name)).sort();
}

/** All files that are loaded when this one is. */
function loadedWith(name: string, loaded = new Set<string>()): Set<string> {
  if (loaded.has(name)) return loaded;
  loaded.add(name);
  for (const { specifier, isLazy } of importsOf(name)) {
    if (!isLazy && specifier.startsWith(".")) loadedWith(join(dirname(name), specifier), loaded);
  }
  return loaded;
}

/** The rooms whose sources are in files, as esbuild notes them. */
function roomsIn(names: Iterable<string>): string[] {
  const notes = [...names].flatMap((name) => [...read(name).matchAll(/^\/\/ dist\/src\/(\w+)\//gm)]);
  return [...new Set(notes.map(([, room = ""]) => room))].sort();
}

t.test(
  "the package holds bundles, declarations of its doors, the units and the docs, and nothing else",
  { skip: unbundled },
  async (t) => {
    const kinds = [
      /^(?:LICENSE|README\.md|package\.json)$/,
      /^dist\/bin\/(?:(?:agent|relay|treewire)\.js|(?:agent|treewire|tree-thread|check-thread)\.cjs)$/,
      /^dist\/bin\/code\/(?:agent|treewire|once|daemon|tree-thread)\.cjs$/,
      /^dist\/chunks\/[\w-]+\.js$/,
      /^dist\/diff\/index\.js$/,
      /^dist\/man\/treewire(?:-agent|-relay)?\.1$/,
      /^dist\/openapi\/(?:own|upstream)-(?:all|images)\.json\.gz$/,
      /^dist\/types\/diff\/[\w-]+\.d\.ts$/,
      /^dist\/web\/(?:index\.html|assets\/(?:[\w-]+\.(?:js|css|svg)|LICENSES\.txt)(?:\.br|\.gz)?)$/,
      /^packages\/client\/dist\/(?:index|link)\.js$/,
      /^packages\/client\/dist\/types\/(?:client|protocol(?:\/comparison)?)\/[\w-]+\.d\.ts$/,
      /^systemd\/[\w@-]+\.service$/,
      /^container\/(?:\w+\.sh|Dockerfile(?:\.dockerignore)?|compose\.yaml)$/,
      /^examples\/[\w/-]+\.(?:md|mjs|js|sh|html)$/,
      /^docs\/[\w-]+\.(?:md|svg)$/,
    ];
    for (const kind of kinds)
      t.ok(
        files.some((name) => kind.test(name)),
        String(kind),
      );
    t.same(
      files.filter((name) => !kinds.some((kind) => kind.test(name))),
      [],
    );
    t.same(
      scripts.filter((name) => read(name).includes("sourceMappingURL")),
      [],
      "no script points to a map",
    );
  },
);

t.test(
  "whatever it imports is one of its dependencies, and each of those is imported",
  { skip: unbundled },
  async (t) => {
    t.same(packagesOf(scripts.flatMap(importsOf)), Object.keys(manifest.dependencies ?? {}).sort());
    const missing = scripts.flatMap((name) =>
      importsOf(name)
        .filter(({ specifier }) => specifier.startsWith(".") && !files.includes(join(dirname(name), specifier)))
        .map(({ specifier }) => `${name} imports ${specifier}`),
    );
    t.same(missing, []);
  },
);

t.test("a program loads what its command needs, and no more", { skip: unbundled }, async (t) => {
  const once = files.find((name) => name.startsWith("dist/chunks/once-command-")) ?? "";
  const forOnce = new Set([...loadedWith("dist/bin/agent.js"), ...loadedWith(once)]);
  t.same(roomsIn(forOnce), ["agent", "diff", "git", "history", "protocol", "util", "worktree"]);
  const imports = [...forOnce].flatMap(importsOf).filter(({ isLazy }) => !isLazy);
  t.same(packagesOf(imports), ["fastest-levenshtein", "lru-cache", "picocolors", "smol-toml", "yargs"]);

  t.same(roomsIn(loadedWith("dist/bin/agent.js")), ["agent", "util"], "the command line alone reads no repository");
  const forRelay = [...loadedWith("dist/bin/relay.js")].flatMap(importsOf).filter(({ isLazy }) => !isLazy);
  t.notOk(packagesOf(forRelay).includes("fastify"), "only `relay serve` loads the server");
  const lazily = scripts.flatMap((name) => importsOf(name).filter(({ isLazy }) => isLazy));
  const parts = new Set(
    lazily.map(({ specifier }) => `dist/chunks/${basename(specifier)}`).filter((name) => files.includes(name)),
  );
  const programs = ["agent", "relay", "treewire"].map((name) => `dist/bin/${name}.js`);
  const withNats = [...programs, ...parts].filter((entry) => {
    const loaded = [...loadedWith(entry)].flatMap(importsOf).filter(({ isLazy }) => !isLazy);
    return packagesOf(loaded).some((name) => name.startsWith("@nats-io/"));
  });
  t.same(
    withNats.map((name) => /^dist\/chunks\/(.*)-\w+\.js$/.exec(name)?.[1]).sort(),
    ["cluster", "nats-connection", "nats-exchange", "nats-store"],
    "NATS's library comes with what is loaded with --nats alone",
  );
  t.same(roomsIn(loadedWith("dist/bin/treewire.js")), ["start", "util"], "treewire loads a command's part alone");
  const required = (name: string) =>
    [...read(name).matchAll(/\brequire\("([^"]+)"\)/g)].map(([, needed]) => needed ?? "");
  t.same(roomsIn(["dist/bin/code/agent.cjs"]), ["agent", "protocol", "util"], "track and status load one file");
  t.same(
    [...required("dist/bin/code/agent.cjs"), ...required("dist/bin/code/once.cjs")].filter(
      (name) => !name.startsWith("node:"),
    ),
    ["./daemon.cjs", "./once.cjs"],
    "--once loads one more, and no package; so does the daemon",
  );
  t.same(roomsIn(["dist/bin/agent.cjs"]), ["util"], "what is installed runs that file, from the cache of its code");
  t.same(roomsIn(["dist/bin/code/treewire.cjs"]), ["agent", "protocol", "util"], "and so does `treewire diff`");
  t.same(
    required("dist/bin/code/treewire.cjs").filter((name) => !name.startsWith("node:")),
    ["./daemon.cjs", "./once.cjs"],
  );
  t.same(
    [...new Set(required("dist/bin/code/daemon.cjs"))].filter((name) => !name.startsWith("node:")).sort(),
    ["pino", "ws"],
    "which holds no parser of commands, and no more of its packages than it needs",
  );
  for (const thread of ["dist/bin/code/tree-thread.cjs", "dist/bin/check-thread.cjs"]) {
    t.same(
      required(thread).filter((name) => !name.startsWith("node:")),
      [],
      `${thread} is one file, and needs no package to start`,
    );
  }
});

t.test("the client's package is the same door, and installs nothing", { skip: unbundled }, async (t) => {
  const shared = files.filter((name) => name.startsWith("packages/client/dist/"));
  t.same(
    client.files.filter((name) => name.startsWith("dist/")).sort(),
    shared.map((name) => name.slice("packages/client/".length)).sort(),
  );
  t.same(client.files.filter((name) => !name.startsWith("dist/")).sort(), ["LICENSE", "README.md", "package.json"]);
  t.same(client.manifest, { name: "treewire-client", version: manifest.version });
  t.same(importsOf("packages/client/dist/index.js"), [{ specifier: "./link.js", isLazy: true }], "for Node.js alone");
  t.same(packagesOf(importsOf("packages/client/dist/link.js")), ["ws"]);
});

/** A project that has both packages installed, and nothing else. */
function frontEnd(t: Cleanup): string {
  const dir = tempDir(t);
  mkdirSync(join(dir, "node_modules"));
  symlinkSync(root, join(dir, "node_modules/treewire"));
  symlinkSync(client.root, join(dir, "node_modules/treewire-client"));
  writeFileSync(join(dir, "package.json"), '{"type":"module"}');
  return dir;
}

t.test(
  "a front end's bundler takes the client from either package, with nothing else installed",
  { skip: unbundled },
  async (t) => {
    const resolveDir = frontEnd(t);
    for (const name of ["treewire/client", "treewire-client"]) {
      const stdin = { contents: `export * from "${name}"`, resolveDir };
      const result = await build({ stdin, bundle: true, write: false, platform: "browser", logLevel: "silent" });
      t.same([...result.errors, ...result.warnings], [], name);
    }
  },
);

t.test("the declarations of the doors need no other package", { skip: unbundled }, async (t) => {
  const dir = frontEnd(t);
  writeFileSync(
    join(dir, "page.ts"),
    `import { type TreeFile, unifiedDiff, watchTrees, type WatchedTree } from "treewire/client";
     import { watchTrees as same } from "treewire-client";
     import { type FilePatch, unifiedHunks } from "treewire/diff";
     export async function first(stop: AbortSignal): Promise<string> {
       for await (const { trees } of watchTrees({ url: "https://relay.example", chat: "c", signal: stop })) {
         const tree: WatchedTree | undefined = trees.get("/app");
         const files: readonly TreeFile[] = tree?.files ?? [];
         return unifiedDiff(files);
       }
       return "";
     }
     export const additions: FilePatch["additions"] = 1;
     export const hunks: typeof unifiedHunks = unifiedHunks;
     export const again: typeof watchTrees = same;
     // @ts-expect-error: which chat is not said
     watchTrees({ url: "" });
    `,
  );
  const options = [
    "--noEmit",
    "--strict",
    "--module",
    "nodenext",
    "--target",
    "es2022",
    "--lib",
    "es2023,dom",
    "--types",
    "",
  ];
  const tsc = join(project, "node_modules/typescript/bin/tsc");
  t.equal(run(process.execPath, [tsc, ...options, join(dir, "page.ts")], dir), "");
});

t.test(
  "installed globally, it puts treewire, agent and relay on the path, and they work",
  { skip: unbundled, timeout: 240_000 },
  async (t) => {
    const dir = tempDir(t);
    const prefix = join(dir, "prefix");
    const flags = ["--global", "--prefix", prefix, "--ignore-scripts", "--no-audit", "--no-fund", "--silent"];
    if (FROM_REGISTRY) run("npm", ["install", ...flags, tarball]);
    else {
      symlinkSync(join(project, "node_modules"), join(root, "node_modules"));
      run("npm", ["install", ...flags, "--offline", "--cache", join(dir, "cache"), root]);
    }
    const bin = join(prefix, "bin");
    t.same(readdirSync(bin).sort(), ["agent", "relay", "treewire"]);
    const repo = createRepo(t, { a: "1\n" });
    repo.write("a", "2\n");
    const diff = expectedOf(repo.root).unified_diff.toString();
    t.equal(run(join(bin, "agent"), ["--once"], repo.root), diff);
    t.equal(run(join(bin, "treewire"), ["diff", repo.root], dir), diff);
    const unit = run(join(bin, "agent"), ["install-service", "--user", "--print"]);
    const command = /^ExecStart=(\S+) (\S+) /m.exec(unit);
    t.match(run(command?.[1] ?? "", [command?.[2] ?? "", "--version"]), /^\d+\.\d+\.\d+\n$/, "its unit calls it");

    const data = join(dir, "data");
    const [workspace, chat] = [randomUUID(), randomUUID()];
    const relay = start(t, join(bin, "relay"), ["serve", "--data-dir", data, "--listen", "127.0.0.1:0"]);
    const listening = JSON.parse(await relay.line("it listens", (line) => line.includes('"listening"'), DEADLINE_MS));
    const { url } = z.object({ url: z.url() }).parse(listening);
    const token = (name: string, ...kind: string[]) => {
      writeFileSync(join(dir, name), run(join(bin, "relay"), ["token", "create", "--data-dir", data, ...kind]));
      return join(dir, name);
    };
    const agentToken = token("agent-token", "--kind", "agent", "--workspace", workspace);
    const clientToken = token("client-token", "--kind", "client", "--user", "me");
    t.match(readFileSync(clientToken, "utf8"), /^twc_[\w-]+\n$/);
    const bind = ["chat", "bind", chat, "--data-dir", data, "--workspace", workspace, "--owner", "me"];
    run(join(bin, "relay"), [...bind, "--path", repo.root]);
    start(t, join(bin, "agent"), ["--relay", url, "--token-file", agentToken, "--root", repo.root, "--state-dir", dir]);
    const watching = start(t, join(bin, "relay"), ["watch", chat, "--url", url, "--token-file", clientToken, "--json"]);
    const frame = await watching.line("the diff comes", (line) => line.includes('"unified_diff"'), DEADLINE_MS);
    t.match(JSON.parse(frame), { repositories: [{ repo_root: repo.root, unified_diff: diff }] });
  },
);

/** Starts an installed program. It ends with the test. */
function start(t: Cleanup, path: string, args: readonly string[]): Program {
  const child = spawn(path, args, { env: ENV, stdio: ["ignore", "pipe", "pipe"] });
  const program = new Program(path, child);
  t.teardown(() => program.running && program.stop("SIGKILL"));
  return program;
}
