import { realpathSync } from "node:fs";
import { dirname, isAbsolute } from "node:path";
import { compileWildmatch } from "../glob/wildmatch.js";
import { bytesOfText, pathFrom } from "../io/byte-path.js";
import { badConfig, readConfigFile, readIfAllowed } from "../io/files.js";
import type { ReadListener } from "../io/remembered-files.js";
import { Config } from "./config.js";
import { environmentSettings } from "./environment.js";
import { ConfigSyntaxError, parseConfig, type Setting } from "./syntax.js";
import { expandHome, userConfigFiles } from "./user-files.js";

/** Includes nest no deeper than this, as in git. */
const MAX_INCLUDE_DEPTH = 10;
/** Ten files that include the next one ten times each would be read 10,000,000,000 times. Bytes, of all that is read. */
const MAX_READ_BYTES = 200 * 1024 * 1024;
/** What opening one more counts for. */
const FILE_COSTS_BYTES = 16 * 1024;

/** What the conditions of `includeIf` look at. */
export interface ConfigContext {
  /** Absolute path of the working tree's git directory. */
  gitDir: string;
  /** The short name of the branch that HEAD points to, or "". */
  branch: () => string;
  /** Told of what is read of each file. */
  onRead?: ReadListener;
}

/** Where the configuration of a repository stands, and the environment that moves user and system files. */
export interface ConfigFiles {
  /** The repository's own, least important first; absent ones are skipped. */
  local: readonly string[];
  environment: NodeJS.ProcessEnv;
}

/**
 * Reads system, user and repository configuration in git's order, includes followed.
 * Rules: <https://git-scm.com/docs/git-config>.
 *
 * @throws TreewireError `TW_BAD_GIT_CONFIG` naming the file and line that break the syntax
 */
export function loadConfig(files: ConfigFiles, context: ConfigContext): Config {
  const loader = new ConfigLoader(files, context);
  loader.loadAll();
  const settings = [...loader.settings, ...environmentSettings(files.environment)];
  return new Config(settings, loader.files, new Set(loader.settings.slice(loader.ownFrom)));
}

/**
 * The settings that nobody but the user and the system can write: what decides whether a repository is trusted.
 * @throws like {@link loadConfig}
 */
export function loadUserConfig(environment: NodeJS.ProcessEnv): Config {
  return loadConfig({ local: [], environment }, { gitDir: "", branch: () => "" });
}

/** Reads one file alone, without includes: what git asks before it knows a repository. */
export function loadConfigFile(path: string): Config {
  const bytes = readConfigFile(path);
  return new Config(bytes === undefined ? [] : parseFile(path, bytes), [path]);
}

class ConfigLoader {
  readonly settings: Setting[] = [];
  readonly files: string[] = [];
  #readBytes = 0;
  readonly #files: ConfigFiles;
  readonly #context: ConfigContext;
  readonly #environment: NodeJS.ProcessEnv;
  /** The system's and the user's files. */
  readonly #users: readonly string[];
  /** Every remote's URL, as `hasconfig` looks at them; `undefined` until it is asked. */
  #remoteUrls: readonly string[] | undefined;

  /** Where the repository's own settings begin among all of them. What a file includes is of the file's scope. */
  ownFrom = 0;

  constructor(files: ConfigFiles, context: ConfigContext) {
    this.#files = files;
    this.#context = context;
    this.#environment = files.environment;
    this.#users = userConfigFiles(files.environment);
  }

  loadAll(): void {
    for (const path of this.#users) this.#load(path, 0);
    this.ownFrom = this.settings.length;
    for (const path of this.#files.local) this.#load(path, 0);
  }

  #load(path: string, depth: number): void {
    this.files.push(path);
    const bytes = this.#users.includes(path) ? readIfAllowed(path)?.bytes : readConfigFile(path);
    this.#context.onRead?.(path, bytes);
    if (bytes === undefined) return;
    this.#readBytes += bytes.length + FILE_COSTS_BYTES;
    if (this.#readBytes > MAX_READ_BYTES) throw badConfig(path, "with what includes name, there is too much to read");
    for (const setting of parseFile(path, bytes)) {
      this.settings.push(setting);
      if (setting.value === undefined || !this.#includes(setting.name, path)) continue;
      if (depth === MAX_INCLUDE_DEPTH) throw badConfig(path, "includes nest too deep");
      this.#load(pathFrom(dirname(path), expandHome(setting.value, this.#environment)), depth + 1);
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
      case "hasconfig":
        return pattern.startsWith(REMOTE_URLS) && this.#hasRemoteUrl(pattern.slice(REMOTE_URLS.length));
      default:
        return false;
    }
  }

  /** The URLs may stand behind the condition, so all files are read first, without what hangs on such conditions. */
  #hasRemoteUrl(pattern: string): boolean {
    if (this.#remoteUrls === undefined) {
      const others = new ConfigLoader(this.#files, this.#context);
      others.#remoteUrls = [];
      others.loadAll();
      const urls = others.settings.filter(({ name }) => /^remote\..*\.url$/s.test(name));
      this.#remoteUrls = urls.map(({ value }) => value ?? "");
    }
    return this.#remoteUrls.some((url) => glob(pattern, url, false));
  }

  #matchesGitDir(condition: string, file: string, ignoreCase: boolean): boolean {
    let pattern = expandHome(condition, this.#environment);
    if (condition.startsWith("~/") && condition.endsWith("/") && !pattern.endsWith("/")) pattern += "/";
    if (pattern.startsWith("./")) pattern = `${realpathSync(dirname(file))}/${pattern.slice(2)}`;
    else if (!isAbsolute(pattern)) pattern = `**/${pattern}`;
    if (pattern.endsWith("/")) pattern += "**";
    return glob(pattern, this.#context.gitDir, ignoreCase);
  }
}

/** The one kind of setting that `hasconfig` knows. */
const REMOTE_URLS = "remote.*.url:";

function glob(pattern: string, text: string, ignoreCase: boolean): boolean {
  return compileWildmatch(bytesOfText(pattern), { pathname: true, ignoreCase })(bytesOfText(text));
}

function parseFile(path: string, bytes: Buffer): Setting[] {
  try {
    return parseConfig(bytes.toString());
  } catch (thrown) {
    if (thrown instanceof ConfigSyntaxError) throw badConfig(path, thrown.message, thrown);
    throw thrown;
  }
}
