import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { lstatSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import t from "tap";
import { openRepository } from "../../../src/git/index.js";
import type { Repository } from "../../../src/git/types.js";
import { createRepo, GIT_ENV, type TestRepo } from "../../support/repo.js";

const ATTRIBUTES = [
  "",
  "text",
  "-text",
  "!text",
  "text=auto",
  "text=input",
  "text=odd",
  "eol=lf",
  "eol=crlf",
  "text eol=lf",
  "text eol=crlf",
  "text=auto eol=lf",
  "text=auto eol=crlf",
  "-text eol=crlf",
  "crlf",
  "-crlf",
  "crlf=input",
  "crlf=auto",
  "text -crlf",
  "binary",
  "ident",
  "text ident",
  "text=auto ident",
  "-ident",
];

const CONTENTS = [
  "",
  "\n",
  "\r\n",
  "a\nb\n",
  "a\r\nb\r\n",
  "a\r\nb\nc\r\n",
  "a\rb\r\n",
  "a\r\nb\r",
  "a\r\r\nb\r\n",
  "a\0b\r\n",
  "\x01\r\n",
  `${"x".repeat(128)}\x01\r\n`,
  `${"x".repeat(127)}\x01\r\n`,
  `${"x".repeat(256)}\x01\x02\x7f\r\n`,
  "\b\t\x1b\f\r\n",
  "a\r\n\x1a",
  "\x1a\r\n",
  "é\xff\r\n",
  "$Id$ $Id: abc $\n",
  "$Id: a\r\n b$ $Id:$ $Id: $Id: x $\r\n",
  "$Id: never closed\n $Id:x$",
  "$$Id: y $$Id$Id: z$\n",
];

/** What the index holds for the path already: nothing, a text with CRLF, one without, a binary with CRLF. */
const INDEXED = [undefined, "x\r\n", "x\n", "\0\r\n", "x\r"];

const CONFIGURATIONS = [
  {},
  { "core.autocrlf": "true" },
  { "core.autocrlf": "input" },
  { "core.eol": "crlf" },
  { "core.autocrlf": "false", "core.eol": "lf" },
];

for (const configuration of CONFIGURATIONS) {
  t.test(`content is cleaned as git adds it, with ${JSON.stringify(configuration)}`, async (t) => {
    const repo = createRepo(t);
    for (const [name, value] of Object.entries(configuration)) repo.git("config", name, value);
    repo.write(".gitattributes", ATTRIBUTES.map((attributes, at) => `/${at}/** ${attributes}\n`).join(""));
    const paths: string[] = [];
    for (const at of ATTRIBUTES.keys()) {
      for (const [content, text] of CONTENTS.entries()) {
        for (const indexed of INDEXED.keys()) {
          const path = `${at}/${content}-${indexed}`;
          paths.push(path);
          repo.write(path, Buffer.from(text, "latin1"));
        }
      }
    }
    addIndexed(repo, paths);
    const repository = openRepository(repo.root, GIT_ENV);
    const index = repository.index();
    const found = new Map<string, string>();
    for (const path of paths) {
      const position = index.find(path);
      const oid = position < 0 ? undefined : index.oid(position);
      const clean = await repository.clean(path, lstatSync(join(repo.root, path)), oid);
      found.set(path, clean.oid);
    }
    repo.git("-c", "core.safecrlf=false", "add", "-A");
    const wrong = stagedOids(repo).filter(({ path, oid }) => path !== ".gitattributes" && found.get(path) !== oid);
    t.same(
      wrong.slice(0, 5).map(({ path }) => describe(path)),
      [],
    );
    t.equal(found.size, paths.length);
  });
}

t.test("content that was asked for later is what was hashed, or an error", async (t) => {
  const repo = createRepo(t, { ".gitattributes": "* text\n" });
  const repository = openRepository(repo.root, GIT_ENV);
  repo.write("file", "a\r\nb\r\n");
  const clean = await cleanOf(repository, "file");
  t.equal(Buffer.from(clean.content()).toString(), "a\nb\n");
  t.equal(clean.size, 6);
  t.notOk(clean.large);
  repo.write("big", Buffer.alloc(9 * 2 ** 20, "line\r\n"));
  const big = await cleanOf(repository, "big");
  t.equal(big.oid, repo.git("hash-object", "big"));
  t.equal(Buffer.from(big.content()).indexOf("\r"), -1);
  repo.write("big", Buffer.alloc(9 * 2 ** 20, "other\r\n"));
  t.throws(() => big.content(), /changed while it was read/);
});

t.test("a file that is read in pieces has the id that git gives it", async (t) => {
  const repo = createRepo(t);
  const MIB = 2 ** 20;
  const crAtPieceEnd = Buffer.alloc(9 * MIB, "x");
  crAtPieceEnd.write("\r\n", MIB - 1, "latin1");
  crAtPieceEnd.write("\r\n", 2 * MIB, "latin1");
  const loneCrAtPieceEnd = Buffer.from(crAtPieceEnd);
  loneCrAtPieceEnd[4 * MIB - 1] = 0x0d;
  const crAtEnd = Buffer.from(crAtPieceEnd);
  crAtEnd[crAtEnd.length - 1] = 0x0d;
  const binaryAtEnd = Buffer.from(crAtPieceEnd);
  binaryAtEnd[binaryAtEnd.length - 1] = 0;
  for (const [attributes, at] of [
    ["text", 0],
    ["text=auto", 1],
    ["-text", 2],
  ] as const) {
    repo.write(".gitattributes", `* ${attributes}\n`);
    const repository = openRepository(repo.root, GIT_ENV);
    for (const [name, content] of Object.entries({ crAtPieceEnd, loneCrAtPieceEnd, crAtEnd, binaryAtEnd })) {
      const path = `${at}-${name}`;
      repo.write(path, content);
      t.equal((await cleanOf(repository, path)).oid, repo.git("hash-object", path), `${attributes}: ${name}`);
    }
  }
});

t.test("links, modes and large files are told", async (t) => {
  const repo = createRepo(t, { file: "1\n" });
  execFileSync("ln", ["-s", "target/of/link", "link"], { cwd: repo.root });
  execFileSync("chmod", ["+x", "file"], { cwd: repo.root });
  repo.git("config", "core.bigFileThreshold", "1k");
  repo.write("large", "x".repeat(1025));
  repo.write("small", "x".repeat(1024));
  const repository = openRepository(repo.root, GIT_ENV);
  repo.git("add", "-A");
  for (const { path, oid, mode } of stagedOids(repo)) {
    const clean = await cleanOf(repository, path);
    t.same([clean.mode, clean.oid], [mode, oid], path);
    t.equal(clean.large, path === "large", path);
  }
});

function describe(path: string): string {
  const [at = "", rest = ""] = path.split("/");
  const [content = "", indexed = ""] = rest.split("-");
  const shown = [ATTRIBUTES[Number(at)], CONTENTS[Number(content)], INDEXED[Number(indexed)]];
  return JSON.stringify(shown);
}

/** Puts what {@link INDEXED} says into the index, as if it had always been there. */
function addIndexed(repo: TestRepo, paths: readonly string[]): void {
  const oids = INDEXED.map((content) => (content === undefined ? undefined : writeBlob(repo, content)));
  const lines = paths.flatMap((path) => {
    const oid = oids[Number(path.slice(path.lastIndexOf("-") + 1))];
    return oid === undefined ? [] : [`100644 ${oid}\t${path}\n`];
  });
  execFileSync("git", ["-C", repo.root, "update-index", "--index-info"], { env: GIT_ENV, input: lines.join("") });
}

function writeBlob(repo: TestRepo, content: string): string {
  const args = ["-C", repo.root, "hash-object", "-w", "--stdin"];
  return execFileSync("git", args, { env: GIT_ENV, input: Buffer.from(content, "latin1") })
    .toString()
    .trim();
}

function stagedOids(repo: TestRepo): { path: string; oid: string; mode: number }[] {
  return repo
    .git("ls-files", "--stage", "-z")
    .split("\0")
    .filter(Boolean)
    .map((line) => {
      const [mode = "", oid = "", rest = ""] = line.split(" ");
      return { mode: Number.parseInt(mode, 8), oid, path: rest.slice(rest.indexOf("\t") + 1) };
    });
}

function cleanOf(repository: Repository, path: string): ReturnType<Repository["clean"]> {
  return repository.clean(path, lstatSync(join(repository.root, path)), undefined);
}

t.test("a path that git takes into no index is not read", async (t) => {
  const { root } = createRepo(t, { "dir/a": "1\n" });
  const repository = openRepository(root);
  for (const path of ["../a", "dir/../dir/a", "/etc/passwd", ".git/config", "dir/.GIT/config", "./dir/a", "dir//a"]) {
    const cleaned = repository.clean(path, lstatSync(join(root, "dir/a")), undefined);
    await t.rejects(cleaned, { code: "TW_CORRUPT_REPOSITORY", message: /no path that git would take/ }, path);
  }
  t.ok(await repository.clean("dir/a", lstatSync(join(root, "dir/a")), undefined));
});

const CHANGED = { message: /changed while it was read$/ };

t.test("what is not as it was looked at is read as it is, or has changed", async (t) => {
  const repo = createRepo(t, { a: "1\n" });
  const { root } = repo;
  const repository = openRepository(root);
  const place = join(root, "a");
  const look = lstatSync(place);
  writeFileSync(place, "longer\n");
  t.equal((await repository.clean("a", look, undefined)).oid, writeBlob(repo, "longer\n"), "written since");
  writeFileSync(place, Buffer.alloc(8 * 1024 * 1024 + 1));
  await t.rejects(repository.clean("a", look, undefined), CHANGED, "too large now to be read whole");
  t.ok(await repository.clean("a", lstatSync(place), undefined), "looked at again");
  const server = createServer();
  t.teardown(() => server.close());
  for (const replace of [
    () => once(server.listen(place), "listening"),
    () => mkdirSync(place),
    () => symlinkSync("b", place),
    () => execFileSync("mkfifo", [place]),
  ]) {
    rmSync(place, { recursive: true });
    await replace();
    await t.rejects(repository.clean("a", look, undefined), CHANGED);
  }
  rmSync(place);
  await t.rejects(repository.clean("a", look, undefined), { code: "ENOENT" });
});
