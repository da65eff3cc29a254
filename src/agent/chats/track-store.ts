import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod";
import {
  coalesce,
  isSystemError,
  type Logger,
  makeDirectories,
  messageOf,
  readRegularFile,
  systemCode,
  TreewireError,
} from "../../util/index.js";

/** The most paths that are remembered, over all chats. */
const MAX_PATHS = 200_000;
/** A chat that touched nothing for so long is forgotten at the next start. Milliseconds: 90 days. */
const FORGET_AFTER_MS = 90 * 24 * 3600 * 1000;
/** What the system says when the disk, or the user's part of it, is full. */
const NO_ROOM: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT"]);
/** A journal is written anew when it has grown by this much since it last was. Bytes. */
const COMPACT_AFTER_BYTES = 4 * 1024 * 1024;
/** {@link MAX_PATHS} of 4,096 bytes, as long as one text may be. */
const MAX_JOURNAL_BYTES = 512 * 1024 * 1024;

const entrySchema = z.discriminatedUnion("op", [
  z.object({
    op: z.literal("track"),
    at: z.number(),
    chats: z.array(z.string()),
    paths: z.array(z.string()),
    /** Of these chats, from then on; absent: as before. */
    base: z.string().optional(),
  }),
  z.object({ op: z.literal("untrack"), at: z.number(), chat: z.string(), paths: z.array(z.string()) }),
]);
type Entry = z.infer<typeof entrySchema>;

interface TrackedChat {
  readonly paths: Set<string>;
  /** The ref that is the base of its trees; "": none was named. */
  base: string;
  /** Milliseconds since 1970. */
  touchedAt: number;
}

/**
 * Which chats have touched which paths, remembered across restarts: a journal of JSON lines that is only appended to,
 * and now and then written anew as a whole. What has been answered is on the disk; a last line that a crash cut short
 * has not been answered, and is left out.
 */
export class TrackStore {
  readonly #chats = new Map<string, TrackedChat>();
  readonly #path: string | undefined;
  readonly #logger: Logger;
  readonly #flush: () => Promise<void>;
  #journal: FileHandle | undefined;
  #waiting: string[] = [];
  #appendedBytes = 0;
  #count = 0;
  #revision = 0;

  private constructor(path: string | undefined, logger: Logger) {
    this.#path = path;
    this.#logger = logger;
    this.#flush = coalesce(() => this.#write());
  }

  /**
   * @param dir made if need be, for the user alone
   * @throws TreewireError `TW_STATE_DIR`
   */
  static async open(dir: string, logger: Logger): Promise<TrackStore> {
    const path = join(dir, "tracked.jsonl");
    const store = new TrackStore(path, logger);
    try {
      await makeDirectories(dir, 0o700);
      await store.#load(path);
      await store.#compact(path).catch((error: unknown) => {
        if (!NO_ROOM.has(systemCode(error) ?? "")) throw error;
        // what is remembered counts; what is tracked is refused until a new journal fits
        store.#appendedBytes = Number.POSITIVE_INFINITY;
        logger.warn({ file: path, err: error }, "the disk is full; nothing more can be tracked for now");
      });
    } catch (error) {
      throw stateDirError(dir, error);
    }
    return store;
  }

  /** A store that forgets when the process ends, for an agent that has no directory to itself. */
  static unremembered(logger: Logger): TrackStore {
    return new TrackStore(undefined, logger);
  }

  /** The paths that a chat has touched, in the order in which they were first named. */
  paths(chat: string): readonly string[] {
    return [...(this.#chats.get(chat)?.paths ?? [])];
  }

  /** The ref that is the base of a chat's trees; "": none was named. */
  base(chat: string): string {
    return this.#chats.get(chat)?.base ?? "";
  }

  count(chat: string): number {
    return this.#chats.get(chat)?.paths.size ?? 0;
  }

  /** The tracked paths of all chats; those of several are named as often. */
  *allPaths(): Generator<string, void> {
    for (const { paths } of this.#chats.values()) yield* paths;
  }

  /** Another number whenever other paths may be tracked than before. */
  get revision(): number {
    return this.#revision;
  }

  chats(): string[] {
    return [...this.#chats.keys()];
  }

  /** Settles when it is remembered. @param base the ref that is the base of these chats' trees; absent: as before. @throws TreewireError `TW_TRACK_LIMIT`, `TW_STATE_DIR` */
  async track(chats: readonly string[], paths: readonly string[], base?: string): Promise<void> {
    if (this.#count + chats.length * paths.length > MAX_PATHS) {
      const added = chats.flatMap((chat) => paths.filter((path) => !this.#chats.get(chat)?.paths.has(path))).length;
      if (this.#count + added > MAX_PATHS) {
        throw new TreewireError("TW_TRACK_LIMIT", chats[0] ?? "", { detail: `${MAX_PATHS} paths` });
      }
    }
    await this.#append({ op: "track", at: Date.now(), chats: [...chats], paths: [...paths], base });
  }

  /** @param paths none: all of the chat's */
  async untrack(chat: string, paths: readonly string[]): Promise<void> {
    await this.#append({ op: "untrack", at: Date.now(), chat, paths: [...paths] });
  }

  async close(): Promise<void> {
    await this.#flush().catch(() => {}); // whoever waits for it gets the error
    await this.#journal?.close();
    this.#journal = undefined;
  }

  async #append(entry: Entry): Promise<void> {
    this.#apply(entry);
    this.#waiting.push(`${JSON.stringify(entry)}\n`);
    await this.#flush();
  }

  #apply(entry: Entry): void {
    this.#revision += 1;
    if (entry.op === "track") {
      for (const id of entry.chats) {
        const chat = this.#chats.get(id) ?? { paths: new Set(), base: "", touchedAt: 0 };
        this.#chats.set(id, chat);
        const before = chat.paths.size;
        for (const path of entry.paths) chat.paths.add(path);
        this.#count += chat.paths.size - before;
        chat.touchedAt = entry.at;
        chat.base = entry.base ?? chat.base;
      }
      return;
    }
    const chat = this.#chats.get(entry.chat);
    if (chat === undefined) return;
    const before = chat.paths.size;
    for (const path of entry.paths) chat.paths.delete(path);
    if (entry.paths.length === 0) chat.paths.clear();
    this.#count -= before - chat.paths.size;
    if (chat.paths.size === 0) this.#chats.delete(entry.chat);
  }

  async #load(path: string): Promise<void> {
    const lines = readJournal(path).split("\n");
    lines.pop(); // "" behind the last line feed, or what a crash cut short
    for (const [number, line] of lines.entries()) {
      const entry = parse(line);
      if (entry !== undefined) this.#apply(entry);
      else this.#logger.warn({ file: path, line: number + 1 }, "a line of the journal makes no sense, passed over");
    }
    const oldest = Date.now() - FORGET_AFTER_MS;
    for (const [id, chat] of this.#chats) {
      if (chat.touchedAt < oldest) this.#apply({ op: "untrack", at: oldest, chat: id, paths: [] });
    }
  }

  /** One run writes everything that waits, and makes it last. */
  async #write(): Promise<void> {
    const path = this.#path;
    const text = this.#waiting.join("");
    this.#waiting = [];
    if (text === "" || path === undefined) return;
    try {
      if (Number.isFinite(this.#appendedBytes)) {
        await this.#journal?.appendFile(text);
        await this.#journal?.datasync();
        this.#appendedBytes += Buffer.byteLength(text);
      }
      if (this.#appendedBytes > COMPACT_AFTER_BYTES) await this.#compact(path);
    } catch (error) {
      this.#appendedBytes = Number.POSITIVE_INFINITY; // half a line may stand there: the next write begins a new journal
      throw stateDirError(path, error);
    }
  }

  /** Writes what is known as a new journal in the place of the old one: a crash leaves the one or the other. */
  async #compact(path: string): Promise<void> {
    const lines = [...this.#chats].map(([id, { paths, touchedAt, base }]) => {
      const named = base === "" ? undefined : base;
      return JSON.stringify({
        op: "track",
        at: touchedAt,
        chats: [id],
        paths: [...paths],
        base: named,
      } satisfies Entry);
    });
    const fresh = `${path}.new`;
    await rm(fresh, { force: true });
    const journal = await open(fresh, "ax", 0o600);
    await journal.appendFile(lines.map((line) => `${line}\n`).join(""));
    await journal.datasync();
    await rename(fresh, path);
    const directory = await open(dirname(path));
    await directory.sync(); // else a power cut could bring the old journal back, and lose what the new one got
    await directory.close();
    await this.#journal?.close();
    this.#journal = journal;
    this.#appendedBytes = 0;
  }
}

/** What the system refused is an error of the directory; anything else is one of this program, and stays what it is. */
function stateDirError(subject: string, error: unknown): unknown {
  if (!isSystemError(error)) return error;
  return new TreewireError("TW_STATE_DIR", subject, { detail: messageOf(error), cause: error });
}

/** @returns "" when there is none yet */
function readJournal(path: string): string {
  try {
    return readRegularFile(path, MAX_JOURNAL_BYTES).bytes.toString();
  } catch (error) {
    if (systemCode(error) === "ENOENT") return "";
    if (isSystemError(error)) throw error;
    throw new TreewireError("TW_STATE_DIR", path, { detail: messageOf(error), cause: error });
  }
}

function parse(line: string): Entry | undefined {
  try {
    return entrySchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined; // no JSON: the caller tells
  }
}
