import { createReadStream } from "node:fs";
import { command, messageOf, systemCode, TreewireError } from "../../util/index.js";
import { withStore } from "../store-place.js";
import { exportStore, importStore, type Progress, progressText } from "../transfer/index.js";
import { placeFrom, withPlace } from "./command.js";
import { writeNewFile } from "./out-file.js";

/** How often a terminal is told how far it is, in milliseconds. */
const SHOWN_MS = 200;

export const exportCommand = command(
  "export",
  "Write all tokens, invites, chats and files, with no secret but hashes: a backup, and the way to another store",
  (argv) =>
    withPlace(argv).option("out", {
      type: "string",
      requiresArg: true,
      describe: "a new file for it, which its owner alone may read; default: standard output",
    }),
  async (argv) => {
    const { out } = argv;
    const shown = new ShownProgress("exported");
    await withStore(placeFrom(argv), async (store) => {
      if (out === undefined) shown.done(await exportStore(store, print, (progress) => shown.at(progress)));
      else {
        await writeNewFile(out, "TW_EXPORT_FILE", async (write) => {
          shown.done(await exportStore(store, write, (progress) => shown.at(progress)));
        });
      }
    });
  },
);

export const importCommand = command(
  "import [file]",
  "Read what `relay export` wrote into an empty store",
  (argv) =>
    withPlace(argv).positional("file", { type: "string", describe: "default: standard input" }).option("force", {
      type: "boolean",
      default: false,
      describe: "into a store that has something, too: what is there stays as it is",
    }),
  async (argv) => {
    const { file, force } = argv;
    const shown = new ShownProgress("imported");
    const source: AsyncIterable<Uint8Array> = file === undefined ? process.stdin : readingOf(file);
    const name = file ?? "standard input";
    await withStore(placeFrom(argv), async (store) => {
      shown.done(await importStore(store, source, { name, force, progressed: (progress) => shown.at(progress) }));
    });
  },
);

/** Waits when whoever reads is slower. */
function print(line: string): void | Promise<void> {
  if (process.stdout.write(line)) return undefined;
  return new Promise((resolve) => process.stdout.once("drain", resolve));
}

async function* readingOf(file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(file);
  } catch (thrown) {
    if (thrown instanceof TreewireError || systemCode(thrown) === undefined) throw thrown;
    throw new TreewireError("TW_PATH_UNREADABLE", file, { detail: messageOf(thrown), cause: thrown });
  }
}

/** Says on standard error how far it is: again and again on a terminal, and once at the end. */
class ShownProgress {
  readonly #what: string;
  #shownAt = 0;

  constructor(what: string) {
    this.#what = what;
  }

  at(progress: Progress): void {
    if (process.stderr.isTTY !== true || performance.now() - this.#shownAt < SHOWN_MS) return;
    this.#shownAt = performance.now();
    process.stderr.write(`\r\x1b[K${this.#what} ${progressText(progress)}`);
  }

  done(progress: Progress): void {
    const start = process.stderr.isTTY === true ? "\r\x1b[K" : "";
    process.stderr.write(`${start}${this.#what} ${progressText(progress)}\n`);
  }
}
