/** `diff.<driver>.xfuncname` or `funcname`, as the configuration has it. */
export interface ConfiguredPattern {
  /** The setting's name, for messages. */
  readonly setting: string;
  /** One character per byte. */
  readonly text: string;
  /** `extended` for `xfuncname`, `basic` for `funcname`: POSIX regular expressions, one a line. */
  readonly syntax: "basic" | "extended";
}

/** How attributes and configuration say that one file is read and printed. */
export interface FileAttributes {
  /** `-diff`, `binary` or `diff.<driver>.binary`: `true`; `diff` set: `false`; else absent, and the content decides. */
  binary?: boolean;
  /** The `diff=<driver>` name, when one is given; one character per byte. */
  diffDriver?: string;
  /** The driver's own pattern for the text behind `@@`, where the configuration has one. */
  functionPattern?: ConfiguredPattern;
}

/** The ignore rules of one directory, with those of its parents behind them. Immutable. */
export interface IgnoreDirectory {
  /**
   * Whether git would leave an untracked entry of this directory out.
   * @param name one path component, one character per byte
   */
  ignores(name: string, isDirectory: boolean): boolean;
  /**
   * The rules that hold inside the child directory `name`.
   * @param ignoreFile the bytes of the `.gitignore` there, `undefined` when there is none
   */
  enter(name: string, ignoreFile: Uint8Array | undefined): IgnoreDirectory;
}
