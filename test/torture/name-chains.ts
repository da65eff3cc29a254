import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { Random } from "../support/random.js";
import { git } from "../support/repo.js";

/** What a file at the end of a chain is to git. */
type Role = "ignore" | "attributes" | "config";

/** Something on the way from a name to what it stands for: a file with settings, a link, a pointer file, a directory. */
interface Piece {
  readonly path: string;
  /** Puts something else of the same kind in its place: another target, other content. */
  readonly renew: (write: (path: string, content: string) => void) => void;
}

/** So many links and files may stand between a name and what it means. */
const MAX_LENGTH = 5;

const IGNORE_LINES = ["*.log", "*.tmp", "*.bak", "dir/", "!x.log", "/x.*", "#"];
const ATTRIBUTES_LINES = ["*.txt -diff", "*.txt diff", "*.c binary", "*.c text eol=crlf", "*.txt text", "#"];
const SETTINGS = ["fileMode = false", "fileMode = true", "autocrlf = input", "ignoreCase = true"];

/** A repository that finds what decides its diff through chains of links and pointer files, all below one directory. */
export class ChainedRepository {
  readonly root: string;
  readonly #random: Random;
  readonly #dir: string;
  readonly #pieces: Piece[] = [];
  readonly #away: string[] = [];
  #count = 0;

  /**
   * @param template a working tree with branches `main` and `other`; it is copied
   * @param dir empty; everything is made in it
   */
  constructor(random: Random, template: string, dir: string, copy: (from: string, to: string) => void) {
    this.#random = random;
    this.#dir = dir;
    this.root = join(dir, "tree");
    copy(template, this.root);
    const begin = random.pick([
      () => this.#linkIn("info/exclude", "ignore"),
      () => this.#linkIn("info/attributes", "attributes"),
      () => this.#settingIn("core.excludesFile", "ignore"),
      () => this.#settingIn("core.attributesFile", "attributes"),
      () => this.#settingIn("include.path", "config"),
      () => this.#settingIn("includeIf.onbranch:other.path", "config"),
      () => this.#moveConfig(),
      () => this.#pointToGitDirectory(copy),
      () => this.#chainOfRefs(),
      () => this.#nestWorktree(template, copy),
      () => this.#addSubmodule(),
    ]);
    begin();
  }

  /** Does something to a random piece of a chain. @returns what, in words */
  operate(): string {
    const { path, renew } = this.#random.pick(this.#pieces);
    const below = relative(this.#dir, path);
    const kind = this.#random.below(7);
    if (kind === 0) {
      attempt(() => rmSync(path, { recursive: true, force: true }));
      return `remove ${below}`;
    }
    if (kind === 1 && exists(path)) {
      const away = `${path}.away${this.#count++}`;
      renameSync(path, away);
      this.#away.push(away);
      return `rename ${below}`;
    }
    if (kind === 2 && this.#away.length > 0) return this.#restore();
    // a ref that holds anything else is damage, of which git's commands say different things
    if (kind === 3 && !/\/HEAD$|\/refs\//.test(path)) {
      attempt(() => writeFileSync(path, this.#content("ignore"))); // through all links
      return `write through ${below}`;
    }
    const inPlace = this.#random.chance(0.5);
    attempt(() => {
      mkdirSync(dirname(path), { recursive: true });
      renew((at, content) => {
        if (!inPlace) writeFileSync(`${at}.lock`, content);
        if (inPlace) writeFileSync(at, content);
        else renameSync(`${at}.lock`, at);
      });
    });
    return `renew ${below}${inPlace ? " in place" : ""}`;
  }

  /** Moves back what was renamed last, over whatever has come in its place. */
  #restore(): string {
    const away = this.#away.pop() ?? "";
    const path = away.slice(0, away.lastIndexOf(".away"));
    attempt(() => {
      rmSync(path, { recursive: true, force: true });
      renameSync(away, path);
    });
    return `restore ${relative(this.#dir, path)}`;
  }

  #settingIn(name: string, role: Role): void {
    const path = this.#file(role, this.#length());
    git(this.root, "config", name, path);
    const config = join(this.root, ".git/config");
    this.#pieces.push({ path: config, renew: () => git(this.root, "config", name, this.#file(role, 1)) });
    if (name.includes("onbranch")) this.#headPiece(join(this.root, ".git"));
  }

  #linkIn(name: string, role: Role): void {
    const path = join(this.root, ".git", name);
    this.#link(path, () => this.#file(role, this.#length() - 1));
    this.#directory(join(this.root, ".git/info"));
  }

  #moveConfig(): void {
    const config = join(this.root, ".git/config");
    const home = this.#fresh("config");
    renameSync(config, home);
    git(this.root, "config", "--file", home, "include.path", this.#file("config", 2));
    this.#link(config, () => home);
    this.#pieces.push({
      path: home,
      renew: () => git(this.root, "config", "--file", home, "include.path", this.#file("config", 1)),
    });
  }

  /** The git directory elsewhere, found by a pointer file and links; another one stands ready to take its place. */
  #pointToGitDirectory(copy: (from: string, to: string) => void): void {
    const stores = ["one", "two"].map((name) => join(this.#dir, name));
    const [one = "", two = ""] = stores;
    renameSync(join(this.root, ".git"), one);
    copy(one, two);
    git(two, "symbolic-ref", "HEAD", "refs/heads/other");
    const pointer = join(this.root, ".git");
    const target = (): string => this.#way(this.#random.pick(stores), this.#random.below(3));
    const isRelative = this.#random.chance(0.5);
    const content = (): string => `gitdir: ${isRelative ? relative(this.root, target()) : target()}\n`;
    const holder = this.#random.chance(0.3) ? this.#fresh("pointer") : pointer;
    writeFileSync(holder, content());
    if (holder !== pointer) this.#link(pointer, () => holder);
    this.#pieces.push({ path: holder, renew: (write) => write(holder, content()) });
    for (const store of stores) this.#directory(store);
    if (this.#random.chance(0.5)) this.#shareDirectory(one, two);
  }

  /** Makes the first git directory one that has its objects, refs and settings in the second. */
  #shareDirectory(own: string, common: string): void {
    const pointer = join(own, "commondir");
    const content = (): string => `${this.#random.chance(0.5) ? relative(own, common) : this.#way(common, 1)}\n`;
    writeFileSync(pointer, content());
    this.#pieces.push({ path: pointer, renew: (write) => write(pointer, content()) });
  }

  #chainOfRefs(): void {
    const refs = join(this.root, ".git/refs/heads");
    const ends = ["main", "other"].map((name) => join(refs, name));
    const oids = ends.map((_, at) => git(this.root, "rev-parse", at === 0 ? "main" : "other"));
    let target = "refs/heads/main";
    // beyond three names between HEAD and a branch git gives up
    const names = this.#random.below(4);
    for (let at = 0; at < names; at++) {
      const name = this.#random.chance(0.3) ? `a/b/alias${at}` : `alias${at}`;
      git(this.root, "symbolic-ref", `refs/heads/${name}`, target);
      const path = join(refs, name);
      const renew = (write: (path: string, content: string) => void): void =>
        write(path, `ref: refs/heads/${this.#random.pick(["main", "other"])}\n`);
      this.#pieces.push({ path, renew });
      target = `refs/heads/${name}`;
    }
    git(this.root, "symbolic-ref", "HEAD", target);
    for (const path of ends) this.#pieces.push({ path, renew: (write) => write(path, `${this.#random.pick(oids)}\n`) });
    this.#headPiece(join(this.root, ".git"));
  }

  #headPiece(gitDir: string): void {
    const path = join(gitDir, "HEAD");
    const renew = (write: (path: string, content: string) => void): void =>
      write(path, `ref: refs/heads/${this.#random.pick(["main", "other", "alias0"])}\n`);
    this.#pieces.push({ path, renew });
  }

  /** Another repository's linked working tree in this one. */
  #nestWorktree(template: string, copy: (from: string, to: string) => void): void {
    const other = join(this.#dir, "elsewhere");
    copy(template, other);
    const nested = join(this.root, this.#random.chance(0.5) ? "nested" : "new/nested");
    git(other, "worktree", "add", "-q", "-f", "--detach", nested);
    const admin = join(other, ".git/worktrees/nested");
    const pointer = join(nested, ".git");
    const content = (): string => `gitdir: ${this.#way(admin, this.#random.below(3))}\n`;
    writeFileSync(pointer, content());
    this.#pieces.push({ path: pointer, renew: (write) => write(pointer, content()) });
    const common = join(admin, "commondir");
    this.#pieces.push({ path: common, renew: (write) => write(common, `${this.#way(join(other, ".git"), 1)}\n`) });
    for (const path of [admin, dirname(admin), join(other, ".git/refs"), other]) this.#directory(path);
  }

  /** A submodule that is found by a pointer file and links, and another git directory that may take the place of its own. */
  #addSubmodule(): void {
    const commit = git(this.root, "rev-parse", "main");
    git(this.root, "update-index", "--add", "--cacheinfo", `160000,${commit},sub`);
    const sub = join(this.root, "sub");
    const stores = ["modules/one", "modules/two"].map((name) => join(this.root, ".git", name));
    for (const [at, store] of stores.entries()) {
      mkdirSync(dirname(store), { recursive: true });
      git(this.root, "clone", "-q", "--bare", this.root, store);
      git(store, "config", "core.bare", "false");
      git(store, "symbolic-ref", "HEAD", `refs/heads/${at === 0 ? "main" : "other"}`);
    }
    mkdirSync(sub);
    const pointer = join(sub, ".git");
    const content = (): string => `gitdir: ${this.#way(this.#random.pick(stores), this.#random.below(3))}\n`;
    writeFileSync(pointer, content());
    git(sub, "reset", "-q", "--hard");
    this.#pieces.push({ path: pointer, renew: (write) => write(pointer, content()) });
    for (const store of stores) {
      this.#directory(store);
      this.#headPiece(store);
    }
    this.#directory(join(this.root, ".git/modules"));
    this.#pieces.push({ path: sub, renew: () => writeFileSync(join(sub, "a.txt"), this.#content("ignore")) });
  }

  /** The path of a file that says something, behind so many links and files. */
  #file(role: Role, length: number): string {
    const path = this.#fresh(role);
    if (length <= 0) {
      writeFileSync(path, this.#content(role));
      this.#pieces.push({ path, renew: (write) => write(path, this.#content(role)) });
    } else if (role === "config" && this.#random.chance(0.6)) {
      const content = (left: number): string => this.#pointingConfig(left);
      writeFileSync(path, content(length - 1));
      this.#pieces.push({ path, renew: (write) => write(path, content(1)) });
    } else if (this.#random.chance(0.5)) {
      this.#link(path, () => this.#file(role, length - 1));
    } else {
      return this.#behindDirectoryLink(() => this.#file(role, length - 1));
    }
    return path;
  }

  #pointingConfig(length: number): string {
    const named = this.#random.pick([
      () => `[include]\n\tpath = ${this.#file("config", length)}\n`,
      () => `[core]\n\texcludesFile = ${this.#file("ignore", length)}\n`,
      () => `[core]\n\tattributesFile = ${this.#file("attributes", length)}\n`,
      () => `[includeIf "onbranch:main"]\n\tpath = ${this.#file("config", length)}\n`,
    ]);
    return this.#content("config") + named();
  }

  /** A path through a link in the place of a directory: the file stands in the directory that the link leads to. */
  #behindDirectoryLink(make: () => string): string {
    const target = make();
    const link = this.#fresh("directory");
    this.#link(link, () => dirname(this.#random.chance(0.7) ? target : make()));
    return join(link, target.slice(dirname(target).length + 1));
  }

  /** A path that leads to a directory, by way of so many links. */
  #way(directory: string, links: number): string {
    let path = directory;
    for (let at = 0; at < links; at++) {
      const target = path;
      const link = this.#fresh("way");
      this.#link(link, () => target);
      path = this.#random.chance(0.3) ? `${link}/../${link.slice(dirname(link).length + 1)}` : link;
      if (path.includes("/../") && dirname(link) !== dirname(target)) path = link; // `..` is that of the target
    }
    return path;
  }

  /** Makes a link, and has it lead elsewhere when it is renewed. */
  #link(path: string, target: () => string): void {
    const make = (): void => {
      const to = target();
      rmSync(path, { recursive: true, force: true });
      symlinkSync(this.#random.chance(0.5) ? to : relative(dirname(path), to), path);
    };
    make();
    this.#pieces.push({ path, renew: make });
  }

  /** A directory that can be taken away, or replaced by another one with the same in it. */
  #directory(path: string): void {
    const renew = (): void => {
      const old = `${path}.old${this.#count++}`;
      renameSync(path, old);
      mkdirSync(path);
      for (const name of this.#random.chance(0.5) ? namesOf(old) : namesOf(old).slice(1)) {
        renameSync(join(old, name), join(path, name));
      }
    };
    this.#pieces.push({ path, renew });
  }

  #fresh(name: string): string {
    const number = this.#count++;
    const directory = join(this.#dir, this.#random.pick(["home", "home/dot", "home/dot/files"]), String(number));
    mkdirSync(directory, { recursive: true });
    if (this.#random.chance(0.4)) this.#directory(directory);
    return join(directory, name);
  }

  #length(): number {
    return this.#random.below(MAX_LENGTH) + 1;
  }

  #content(role: Role): string {
    if (role === "config") return this.#random.chance(0.5) ? "" : `[core]\n\t${this.#random.pick(SETTINGS)}\n`;
    const lines = role === "ignore" ? IGNORE_LINES : ATTRIBUTES_LINES;
    return Array.from({ length: this.#random.below(4) }, () => `${this.#random.pick(lines)}\n`).join("");
  }
}

/** Makes the working tree that {@link ChainedRepository} copies. */
export function makeChainTemplate(root: string): void {
  mkdirSync(join(root, "dir"), { recursive: true });
  git(root, "init", "-q", "-b", "main");
  const write = (path: string, content: string): void => writeFileSync(join(root, path), content);
  for (const [path, content] of [
    ["a.txt", "a\n"],
    ["b.c", "b\r\n"],
    ["dir/c.txt", "c\n"],
  ] as const) {
    write(path, content);
  }
  git(root, "add", "-A");
  git(root, "commit", "-qm", "first");
  git(root, "checkout", "-q", "-b", "other");
  write("dir/c.txt", "other\n");
  git(root, "commit", "-qam", "other");
  git(root, "checkout", "-q", "main");
  write("a.txt", "a changed\n");
  for (const path of ["x.log", "x.tmp", "x.bak", "dir/new"]) write(path, `${path}\r\n`);
}

function exists(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false; // what was a directory above it is none now
  }
}

/** Tries an operation that may be refused, as what it needs may have been taken away: what it left counts. */
function attempt(job: () => void): void {
  try {
    job();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
}

function namesOf(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}
