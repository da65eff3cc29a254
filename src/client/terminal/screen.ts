import type { Output } from "./output.js";

/** What of standard input gives keys. */
export interface Keys {
  isTTY?: boolean;
  setRawMode?(isRaw: boolean): unknown;
  on(event: "data", listener: (chunk: Buffer) => void): unknown;
  off(event: "data", listener: (chunk: Buffer) => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

const [CTRL_C, CTRL_D, CTRL_Z] = ["\x03", "\x04", "\x1a"];
const CLEAR_LINE = "\r\x1b[2K";

/**
 * Text that runs on, and below it one line that says how things are, which is written anew in its place. Keys are taken one by
 * one and not shown.
 */
export class Screen {
  readonly #output: Output;
  readonly #columns: () => number;
  #status = "";
  /** So much of it is on the screen. */
  #shown = 0;

  /** @param columns the terminal's width at this moment */
  constructor(output: Output, columns: () => number) {
    this.#output = output;
    this.#columns = columns;
  }

  /** Prints whole lines above the status. @returns `false` when the output is full */
  print(text: string): unknown {
    return this.#output.write(`${this.#status === "" ? "" : CLEAR_LINE}${text}${this.#line()}`);
  }

  /** @param text one line without control characters; what is too long for the width is cut */
  status(text: string): void {
    const isShown = this.#status !== "";
    this.#status = text;
    this.#output.write(`${isShown ? CLEAR_LINE : ""}${this.#line()}`);
  }

  /** After the width has changed: what was cut may fit, and what the terminal has wrapped by now is taken away. */
  redraw(): void {
    if (this.#status === "") return;
    const rows = Math.ceil(this.#shown / Math.max(1, this.#columns()));
    const up = rows > 1 ? `\x1b[${rows - 1}A` : "";
    this.#output.write(`\r${up}\x1b[J${this.#line()}`);
  }

  /** Takes the status away. */
  end(): void {
    if (this.#status !== "") this.#output.write(CLEAR_LINE);
    this.#status = "";
  }

  #line(): string {
    const line = this.#status.slice(0, Math.max(0, this.#columns() - 1));
    this.#shown = line.length;
    return line === "" ? "" : `\x1b[2m${line}\x1b[22m`;
  }
}

/**
 * Takes keys from a terminal until it is told to stop.
 *
 * @param onKey a key's character; Ctrl-C, Ctrl-D and `q` come as `q`
 * @returns gives the terminal back as it was
 */
export function takeKeys(keys: Keys, onKey: (key: string) => void): () => void {
  if (keys.isTTY !== true || keys.setRawMode === undefined) return () => undefined;
  const raw = (isRaw: boolean) => keys.setRawMode?.(isRaw);
  const onData = (chunk: Buffer) => {
    for (const key of chunk.toString()) {
      if (key === CTRL_Z) suspend();
      else onKey(key === CTRL_C || key === CTRL_D ? "q" : key);
    }
  };
  const suspend = () => {
    raw(false);
    process.once("SIGCONT", () => raw(true));
    process.kill(process.pid, "SIGTSTP");
  };
  raw(true);
  keys.on("data", onData);
  keys.resume();
  return () => {
    keys.off("data", onData);
    keys.pause();
    raw(false);
  };
}
