import { realpathSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { bytesOfText } from "./byte-path.js";
import { ConfigSyntaxError, parseConfig, type Setting } from "./config-syntax.js";
import { corrupt, readWhole } from "./files.js";
import { compileWildmatch } from "./wildmatch.js";

/** Includes nest no deeper than this, as in git. */
const MAX_INCLUDE_DEPTH = 10;

/** What the conditions of `includeIf` look at. */
export interface ConfigContext {
  /** Absolute path of the working tree's git directory. */
  gitDir: string;
  /** The short name of the branch that HEAD points to, or "". */
  branch: () => string;
}

/** Reads one file alone, without includes: what git asks before it knows a repository. */
export function loadConfigFile(path: string): Config {
  const bytes = readWhole(path)?.bytes;
  return new Config(bytes === undefined ? [] : parseFile(path, bytes), [path]);
}

/** Where the configuration of a repository stands, and the environment that moves user and system files. */
export interface ConfigFiles {
  /** The repository's own, least important first; absent ones are skipped. */
  local: readonly string[];
  environment: NodeJS.ProcessEnv;
}

/** Settings of all files, the last one of a name winning. Immutable. */
export class Config {
  readonly #settings: readonly Setting[];
  readonly #last = new Map<string, Setting>();
  /** Every file that was looked at, absent ones too: when one changes, so may the settings. */
  readonly files: readonly string[];

  constructor(settings: readonly Setting[], files: readonly string[] = []) {
    this.#settings = settings;
    this.files = files;
    for (const setting of settings) this.#last.set(setting.name, setting);
  }

  /** @param name section and key in lower case. @returns "" for a key that stands alone, `undefined` when not set */
  get(name: string): string | undefined {
    const setting = this.#last.get(name);
    return setting === undefined ? undefined : (setting.value ?? "");
  }

  /** Every value of a name, in order. */
  all(name: string): string[] {
    return this.#settings.filter((setting) => setting.name === name).map((setting) => setting.value ?? "");
  }

  /** The names that begin so, each once. */
  names(prefix: string): string[] {
    return [...this.#last.keys()].filter((name) => name.startsWith(prefix));
  }

  /** @returns the truth of a setting, or `fallback` when it is not set or no truth value */
  boolean(name: string, fallback: boolean): boolean {
    const setting = this.#last.get(name);
    return setting === undefined ? fallback : (truth(setting.value) ?? fallback);
  }

  /** @returns an integer with git's `k`, `m` and `g` worked in, or `fallback` */
  integer(name: string, fallback: number): number {
    return parseInteger(this.get(name)) ?? fallback;
  }

  /** A path with `~/` worked in, absolute; `undefined` when not set or empty. @param base where relative ones start */
  path(name: string, base: string, environment: NodeJS.ProcessEnv): string | undefined {
    const value = this.get(name);
    return value === undefined || value === "" ? undefined : resolve(base, expandHome(value, environment));
  }
}

/** @returns `undefined` for text that is no truth value */
export function truth(value: string | undefined): boolean | undefined {
  if (value === undefined) return true;
  if (/^(true|yes|on)$/i.test(value)) return true;
  if (/^(false|no|off|)$/i.test(value)) return false;
  const number = parseInteger(value);
  return number === undefined ? undefined : number !== 0;
}

function parseInteger(value: string | undefined): number | undefined {
  const parts = /^\s*([+-]?\d+)([kmg]?)$/i.exec(value ?? "");
  if (parts === null) return undefined;
  const unit = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[(parts[2] ?? "").toLowerCase()] ?? 1;
  return Number(parts[1]) * unit;
}

/**
 * Reads system, user and repository configuration in git's order, includes followed.
 * Rules: <https://git-scm.com/docs/git-config>.
 *
 * @throws TreewireError `TW_CORRUPT_REPOSITORY` naming the file and line that break the syntax
 */
export function loadConfig(files: ConfigFiles, context: ConfigContext): Config {
  const loader = new ConfigLoader(context, files.environment);
  for (const path of [...userConfigFiles(files.environment), ...files.local]) loader.load(path, 0);
  return new Config(loader.settings, loader.files);
}

/** `$XDG_CONFIG_HOME/git/NAME`, or the same below `~/.config`; `undefined` without a home. */
export function xdgConfigFile(name: string, environment: NodeJS.ProcessEnv): string | undefined {
  const xdg = environment.XDG_CONFIG_HOME;
  if (xdg) return join(xdg, "git", name);
  const home = homeOf(environment);
  return home === undefined ? undefined : join(home, ".config", "git", name);
}

/** Whether the environment turns the system-wide configuration off. */
export function skipsSystemFiles(environment: NodeJS.ProcessEnv): boolean {
  return truth(environment.GIT_CONFIG_NOSYSTEM ?? "") === true;
}

function userConfigFiles(environment: NodeJS.ProcessEnv): string[] {
  const files: (string | undefined)[] = [];
  if (!skipsSystemFiles(environment)) files.push(environment.GIT_CONFIG_SYSTEM ?? "/etc/gitconfig");
  if (environment.GIT_CONFIG_GLOBAL !== undefined) files.push(environment.GIT_CONFIG_GLOBAL);
  else {
    const home = homeOf(environment);
    files.push(xdgConfigFile("config", environment), home === undefined ? undefined : join(home, ".gitconfig"));
  }
  return files.filter((path): path is string => path !== undefined && path !== "");
}

function homeOf(environment: NodeJS.ProcessEnv): string | undefined {
  return environment.HOME || (environment === process.env ? homedir() : undefined);
}

function expandHome(path: string, environment: NodeJS.ProcessEnv): string {
  const home = homeOf(environment);
  return home !== undefined && (path === "~" || path.startsWith("~/")) ? join(home, path.slice(1)) : path;
}

class ConfigLoader {
  readonly settings: Setting[] = [];
  readonly files: string[] = [];
  readonly #context: ConfigContext;
  readonly #environment: NodeJS.ProcessEnv;

  constructor(context: ConfigContext, environment: NodeJS.ProcessEnv) {
    this.#context = context;
    this.#environment = environment;
  }

  load(path: string, depth: number): void {
    this.files.push(path);
    const bytes = readWhole(path)?.bytes;
    if (bytes === undefined) return;
    for (const setting of parseFile(path, bytes)) {
      this.settings.push(setting);
      if (setting.value === undefined || !this.#includes(setting.name, path)) continue;
      if (depth === MAX_INCLUDE_DEPTH) throw corrupt(path, "includes nest too deep");
      this.load(resolve(dirname(path), expandHome(setting.value, this.#environment)), depth + 1);
    }
  }

  #includes(name: string, file: string): boolean {
    if (name === "include.path") return true;
    const condition = /^includeif\.(.*)\.path$/s.exec(name)?.[1];
    if (condition === undefined) return false;
    const colon = condition.indexOf(":");
    const pattern = condition.slice(colon + 1);
    switch (condition.slice(0, colon)) {
      case "gitdir":
        return this.#matchesGitDir(pattern, file, false);
      case "gitdir/i":
        return this.#matchesGitDir(pattern, file, true);
      case "onbranch":
        return glob(pattern.endsWith("/") ? `${pattern}**` : pattern, this.#context.branch(), false);
      case "hasconfig:remote.*.url":
        return false;
      default:
        return false;
    }
  }

  #matchesGitDir(condition: string, file: string, ignoreCase: boolean): boolean {
    let pattern = expandHome(condition, this.#environment);
    if (condition.startsWith("~/") && condition.endsWith("/") && !pattern.endsWith("/")) pattern += "/";
    if (pattern.startsWith("./")) pattern = `${realDirectory(dirname(file))}/${pattern.slice(2)}`;
    else if (!isAbsolute(pattern)) pattern = `**/${pattern}`;
    if (pattern.endsWith("/")) pattern += "**";
    return glob(pattern, this.#context.gitDir, ignoreCase);
  }
}

function glob(pattern: string, text: string, ignoreCase: boolean): boolean {
  return compileWildmatch(bytesOfText(pattern), { pathname: true, ignoreCase })(bytesOfText(text));
}

function realDirectory(path: string): string {
  return realpathSync(path);
}

function parseFile(path: string, bytes: Buffer): Setting[] {
  try {
    return parseConfig(bytes.toString());
  } catch (thrown) {
    if (thrown instanceof ConfigSyntaxError) throw corrupt(path, thrown.message, thrown);
    throw thrown;
  }
}
