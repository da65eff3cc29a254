import type { Setting } from "./syntax.js";

/** Settings of all files, the last one of a name winning. Immutable. */
export class Config {
  readonly #settings: readonly Setting[];
  readonly #last = new Map<string, Setting>();
  readonly #own: ReadonlySet<Setting>;
  #users: Config | undefined;
  /** Every file that was looked at, absent ones too: when one changes, so may the settings. */
  readonly files: readonly string[];

  /** @param own those of the settings that the repository's own files hold, or files that these include */
  constructor(
    settings: readonly Setting[],
    files: readonly string[] = [],
    own: ReadonlySet<Setting> = new Set<Setting>(),
  ) {
    this.#settings = settings;
    this.#own = own;
    this.files = files;
    for (const setting of settings) this.#last.set(setting.name, setting);
  }

  /**
   * The settings without the repository's own: those that `git config --show-scope` calls `system`, `global` and
   * `command`. Whoever only wrote the repository has no say in them.
   */
  get users(): Config {
    this.#users ??= new Config(this.#settings.filter((setting) => !this.#own.has(setting)));
    return this.#users;
  }

  /** @returns whether the repository's own settings have a name that begins so */
  hasOwn(prefix: string): boolean {
    return [...this.#own].some(({ name }) => name.startsWith(prefix));
  }

  /** @param name section and key in lower case. @returns "" for a key that stands alone, `undefined` when not set */
  get(name: string): string | undefined {
    const setting = this.#last.get(name);
    return setting === undefined ? undefined : (setting.value ?? "");
  }

  /** Whether another configuration has the same settings in the same order. */
  equals(other: Config): boolean {
    if (this.#settings.length !== other.#settings.length) return false;
    return this.#settings.every(({ name, value }, at) => {
      const setting = other.#settings[at];
      return setting?.name === name && setting.value === value;
    });
  }

  /** The setting that stands last among these names. */
  lastOf(names: readonly string[]): Setting | undefined {
    return this.#settings.findLast(({ name }) => names.includes(name));
  }

  /** Every value of a name, in order. */
  all(name: string): string[] {
    return this.#settings.filter((setting) => setting.name === name).map((setting) => setting.value ?? "");
  }

  /** The names that begin so, each once. */
  names(prefix: string): string[] {
    return [...this.#last.keys()].filter((name) => name.startsWith(prefix));
  }

  /** @returns whether any name begins so */
  hasAny(prefix: string): boolean {
    return this.names(prefix).length > 0;
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
}

/** @returns `undefined` for text that is no truth value */
export function truth(value: string | undefined): boolean | undefined {
  if (value === undefined) return true;
  switch (value.toLowerCase()) {
    case "true":
    case "yes":
    case "on":
      return true;
    case "false":
    case "no":
    case "off":
    case "":
      return false;
    default: {
      const number = parseInteger(value);
      return number === undefined ? undefined : number !== 0;
    }
  }
}

function parseInteger(value: string | undefined): number | undefined {
  const parts = /^\s*([+-]?\d+)([kmg]?)$/i.exec(value ?? "");
  if (parts === null) return undefined;
  const unit = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[(parts[2] ?? "").toLowerCase()] ?? 1;
  return Number(parts[1]) * unit;
}
