import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { z } from "zod";
import { createRepo, expectedOf, GIT_ENV } from "../support/repo.js";
import { tempDir } from "../support/temp.js";

const project = fileURLToPath(new URL("../../../", import.meta.url));
/** `npm run test:install` takes the dependencies from the registry; without it, those that are installed here are used. */
const FROM_REGISTRY = process.env.FROM_REGISTRY === "1";
const ENV = { ...GIT_ENV, NODE_OPTIONS: "" };

const run = (command: string, args: readonly string[], cwd = project) =>
  execFileSync(command, args, { cwd, env: ENV, stdio: ["ignore", "pipe", "pipe"] }).toString();

// --ignore-scripts: the others of these tests run what `prepare` would build anew
const dir = tempDir(t);
const tarball = join(dir, run("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", dir]).trim());
run("tar", ["xzf", tarball, "-C", dir]);
const root = join(dir, "package");
const files = readdirSync(root, { recursive: true, encoding: "utf8" });
const manifest = z
  .object({ dependencies: z.record(z.string(), z.string()) })
  .parse(JSON.parse(readFileSync(join(root, "package.json"), "utf8")));

t.test("the package holds what runs, the units and the docs, and nothing else", async (t) => {
  const tops = new Set(files.map((name) => name.split("/").slice(0, 2).join("/")));
  for (const needed of ["dist/bin", "dist/src", "systemd/treewire-agent.service", "docs/install.md", "LICENSE"]) {
    t.ok(tops.has(needed), needed);
  }
  t.same(
    files.filter((name) => /(^|\/)(test|bench|node_modules)\/|[^d]\.ts$|\.env|token$/.test(name)),
    [],
  );
});

t.test("whatever it imports is one of its dependencies, and each of those is imported", async (t) => {
  const imported = new Set<string>();
  for (const name of files.filter((file) => file.endsWith(".js"))) {
    const source = readFileSync(join(root, name), "utf8");
    for (const [, specifier = ""] of source.matchAll(
      /(?:\bfrom |\bimport\(|\bimport |\bcreateRequire\(import\.meta\.url\)\()"([^"./][^"]*)"/g,
    )) {
      const parts = specifier.split("/");
      imported.add(parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/"));
    }
  }
  const outside = [...imported].filter((name) => !name.startsWith("node:") && !builtinModules.includes(name));
  // only named in a type of a dependency's
  const typesOnly = ["openapi-types"];
  t.same(
    outside.sort(),
    Object.keys(manifest.dependencies)
      .filter((name) => !typesOnly.includes(name))
      .sort(),
  );
});

t.test("installed globally, it puts agent and relay on the path, and both work", async (t) => {
  const prefix = join(dir, "prefix");
  const flags = ["--global", "--prefix", prefix, "--ignore-scripts", "--no-audit", "--no-fund", "--silent"];
  if (FROM_REGISTRY) run("npm", ["install", ...flags, tarball]);
  else {
    symlinkSync(join(project, "node_modules"), join(root, "node_modules"));
    run("npm", ["install", ...flags, "--offline", "--cache", join(dir, "cache"), root]);
  }
  const bin = join(prefix, "bin");
  t.same(readdirSync(bin).sort(), ["agent", "relay"]);
  const repo = createRepo(t, { a: "1\n" });
  repo.write("a", "2\n");
  t.equal(run(join(bin, "agent"), ["--once"], repo.root), expectedOf(repo.root).unified_diff.toString());
  const unit = run(join(bin, "agent"), ["install-service", "--user", "--print"]);
  const command = /^ExecStart=(\S+) (\S+) /m.exec(unit);
  t.match(run(command?.[1] ?? "", [command?.[2] ?? "", "--version"]), /^\d+\.\d+\.\d+\n$/, "its unit calls it");

  const data = join(dir, "data");
  mkdirSync(data);
  const token = run(join(bin, "relay"), ["token", "create", "--data-dir", data, "--kind", "client", "--user", "me"]);
  t.match(token, /^twc_[\w-]+\n$/);
});
