import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Random } from "../support/random.js";
import { createRepo, type TestRepo } from "../support/repo.js";
import type { Cleanup } from "../support/temp.js";

const NAMES = ["a", "b.txt", "c.py", "d.bin", "e é", 'f"q', "g\tt", "x.up", "z.u16", "h.c", "i.crlf", " sp", "-d"];
const DIRECTORIES = ["", "", "d1/", "d1/d2/", "d 3/", "ü/", "D1/"];
const LINES = [
  ..."alpha|beta||  gamma|def f(x):|class K:|int main()|}|$Id$|$Id: abc $|tab\there|é|func go() {|\t\t|# h".split("|"),
  "long ".repeat(17),
];
const PATTERNS = [
  "*",
  "*.txt",
  "*.py",
  "d1/*",
  "d1/**",
  "*.c",
  "/a",
  "e*",
  "*.up",
  "*.u16",
  "**/h.c",
  "[a-d]*",
  "d1/d2/*",
];
const ATTRIBUTES = [
  ..."text|-text|text=auto|eol=crlf|eol=lf|text eol=crlf|crlf|-crlf|ident|working-tree-encoding=UTF-16|filter=up|filter=unset".split(
    "|",
  ),
  ..."-diff|diff|!diff|diff=python|diff=cpp|diff=own|diff=nobody|diff=bin|binary|-text diff|macro".split("|"),
];
const IGNORES = ["*.bin\n", "d1/\n!d1/a\n", "/b.txt\nd*\n", "*.txt\n", "/d1\n", "*\n!*.py\n"];
const TARGETS = ["a", "d1", "nowhere", "../x"];
const SETTINGS: Readonly<Record<string, readonly string[]>> = {
  "core.autocrlf": ["true", "input", "false"],
  "core.bigFileThreshold": ["50", "200", "1k"],
  "core.checkStat": ["minimal"],
  "core.eol": ["lf", "crlf"],
  "core.excludesFile": [".git/mine"],
  "core.fileMode": ["false"],
  "core.ignoreCase": ["true"],
  "core.quotePath": ["false"],
  "core.safecrlf": ["true", "warn"],
  "core.splitIndex": ["true"],
  "core.symlinks": ["false"],
  "core.trustctime": ["false"],
  "diff.bin.binary": ["true", "false", "auto"],
  "diff.default.xfuncname": ["^beta"],
  "diff.ignoreSubmodules": ["all", "dirty", "untracked", "none"],
  "diff.orderFile": [".git/order"],
  "diff.own.xfuncname": ["^(alpha|beta).*$", "^[a-z]+ ?[0-9]", "!^alpha\n^[A-Za-z]"],
  "diff.python.xfuncname": ["^def"],
  "diff.renameLimit": ["1", "2", "0"],
  "filter.up.clean": ["tr a-z A-Z", "head -c 40", "cat"],
  "index.version": ["4"],
};

/**
 * Makes a repository with a history, settings, attributes and a day's work in it, all at random; whatever git refuses to
 * do is left out.
 */
export function generateRepository(t: Cleanup, random: Random): TestRepo {
  const repo = createRepo(t);
  new Generator(repo, random).run();
  return repo;
}

class Generator {
  readonly #repo: TestRepo;
  readonly #random: Random;

  constructor(repo: TestRepo, random: Random) {
    this.#repo = repo;
    this.#random = random;
  }

  run(): void {
    const random = this.#random;
    this.#repo.write(".git/order", random.pick(["*.py\nd1\n", "ü*\n*\n", "b*\n"]));
    this.#repo.write(".git/mine", "x*\n");
    if (random.chance(0.3)) this.#setting();
    this.#times(3, 12, () => this.#create(this.#path()));
    if (random.chance(0.5)) this.#attributesFile("");
    if (random.chance(0.2)) this.#attributesFile("d1/");
    if (random.chance(0.3)) this.#ignoreFile();
    this.#git("add", "-A");
    this.#git("commit", "-q", "--allow-empty", "-m", "first");
    if (random.chance(0.15)) this.#git("gc", "-q");
    if (random.chance(0.15)) this.#git("update-index", "--split-index");
    if (random.chance(0.15)) this.#git("update-index", "--index-version", "4");
    this.#times(0, 4, () => this.#setting());
    const tracked = this.#git("ls-files", "-z").split("\0");
    const files = tracked.filter((path) => path !== "" && !path.startsWith(".git"));
    this.#times(1, 9, () => this.#work(files.length > 0 && random.chance(0.75) ? random.pick(files) : this.#path()));
  }

  /** One thing that people do with a file. */
  #work(path: string): void {
    const place = join(this.#repo.root, path);
    const isThere = existsSync(place) && lstatSync(place).isFile();
    const steps: (() => void)[] = [
      () => this.#create(path),
      () => this.#create(path),
      () => rmSync(place, { recursive: true, force: true }),
      () => void this.#git("add", "-A"),
      () => void this.#git("add", "-A", "--", path),
      () => void this.#git("add", "-N", "--", path),
      () => void this.#git("rm", "-q", "--cached", "--", path),
      () => void this.#git("mv", "-k", "--", path, this.#path()),
      () => void this.#git("update-index", this.#random.pick(["--assume-unchanged", "--skip-worktree"]), "--", path),
      () => this.#link(path),
      () => this.#write(`${path}/in`, "1\n"),
      () => this.#attributesFile(this.#random.pick(DIRECTORIES)),
      () => this.#ignoreFile(),
      () => this.#nest(this.#random.pick(["nest", "d1/nest"])),
    ];
    if (isThere) {
      const content = readFileSync(place);
      steps.push(
        () => this.#write(path, this.#edited(content)),
        () => this.#write(path, this.#edited(content)),
        () => this.#write(path, this.#edited(content)),
        () => this.#write(this.#path(), content),
        () => chmodSync(place, this.#random.pick([0o644, 0o755])),
        () => utimesSync(place, 1e9, 1e9),
        () => this.#move(path, this.#edited(content)),
      );
    }
    this.#random.pick(steps)();
  }

  #move(path: string, content: Buffer): void {
    const target = this.#path();
    this.#git("mv", "-k", "--", path, target);
    this.#write(target, content);
    if (this.#random.chance(0.5)) this.#git("add", "-A", "--", target);
  }

  #nest(path: string): void {
    if (!this.#makeWay(`${path}/x`)) return;
    this.#git("init", "-q", path);
    this.#write(`${path}/x`, "1\n");
  }

  #create(path: string): void {
    if (this.#random.chance(0.1)) this.#link(path);
    else this.#write(path, this.#content());
    const place = join(this.#repo.root, path);
    if (this.#random.chance(0.15) && existsSync(place)) chmodSync(place, 0o755);
  }

  #link(path: string): void {
    if (this.#makeWay(path)) symlinkSync(this.#random.pick(TARGETS), join(this.#repo.root, path));
  }

  #write(path: string, content: string | Buffer): void {
    if (this.#makeWay(path)) this.#repo.write(path, content);
  }

  /** Removes what is in the place, and makes the directories above. @returns whether they could be made */
  #makeWay(path: string): boolean {
    const place = join(this.#repo.root, path);
    const parts = path.split("/").slice(0, -1);
    const blocked = parts.some((_, at) => {
      const above = join(this.#repo.root, ...parts.slice(0, at + 1));
      const stats = lstatSync(above, { throwIfNoEntry: false });
      return stats !== undefined && !stats.isDirectory();
    });
    if (blocked) return false;
    rmSync(place, { recursive: true, force: true });
    mkdirSync(dirname(place), { recursive: true });
    return true;
  }

  #attributesFile(directory: string): void {
    let text = this.#random.chance(0.3) ? "[attr]macro -text diff=python\n" : "";
    this.#times(0, 4, () => {
      text += `${this.#random.pick(PATTERNS)} ${this.#random.pick(ATTRIBUTES)}\n`;
    });
    this.#write(`${directory}.gitattributes`, text);
  }

  #ignoreFile(): void {
    this.#write(".gitignore", this.#random.pick(IGNORES));
  }

  #setting(): void {
    const [name, values] = this.#random.pick(Object.entries(SETTINGS));
    this.#git("config", name, this.#random.pick(values));
  }

  #content(): Buffer {
    const random = this.#random;
    const lines = Array.from({ length: random.small(0, 60) }, () => this.#line());
    const end = random.chance(0.25) ? "\r\n" : "\n";
    const text = lines.join(end) + (random.chance(0.8) ? end : "") + (random.chance(0.1) ? "\0binary" : "");
    if (random.chance(0.05)) return Buffer.from(`\ufeff${text}`, "utf16le");
    return Buffer.from(text, random.chance(0.1) ? "latin1" : "utf8");
  }

  #edited(content: Buffer): Buffer {
    const random = this.#random;
    const lines = content.toString("latin1").split("\n");
    this.#times(1, 3, () => {
      const at = random.below(lines.length);
      const line = lines[at] ?? "";
      const edits: (() => unknown)[] = [
        () => lines.splice(at, 1),
        () => lines.splice(at, 0, this.#line()),
        () => lines.splice(at, 1, this.#line()),
        () => lines.splice(at, 1, `${line}\r`),
        () => lines.splice(at, 1, line.toUpperCase()),
      ];
      random.pick(edits)();
    });
    return Buffer.from(lines.join("\n"), "latin1");
  }

  #line(): string {
    return this.#random.pick(LINES) + (this.#random.chance(0.7) ? this.#random.below(9) : "");
  }

  #path(): string {
    return this.#random.pick(DIRECTORIES) + this.#random.pick(NAMES);
  }

  #times(least: number, most: number, act: () => void): void {
    for (let left = least + this.#random.below(most - least + 1); left > 0; left -= 1) act();
  }

  /** @returns standard output, "" where git refuses */
  #git(...args: string[]): string {
    try {
      return this.#repo.git(...args);
    } catch {
      return "";
    }
  }
}
