import { createHash } from "node:crypto";
import type Database from "libsql";
import { LRUCache } from "lru-cache";
import { z } from "zod";
import type { SecretsMode } from "../../../protocol/index.js";
import { MAX_STATE_AGE_MS, packState, unpackState } from "../packed-state.js";
import type { StoredTree, TreeHead } from "../records.js";
import { writeRelaxed } from "./database.js";
import { RowCount, type Rows } from "./row-count.js";

const headSchema = z.object({ root: z.string(), epoch: z.string(), seq: z.int() });
const rowSchema = headSchema.extend({
  secrets: z
    .enum(["withhold", "send"])
    .nullable()
    .transform((mode) => mode ?? undefined),
  state: z.union([z.instanceof(Uint8Array), z.instanceof(ArrayBuffer).transform((bytes) => new Uint8Array(bytes))]),
});

const countSchema = z.object({ rows: z.int(), bytes: z.int() });
const sizesSchema = z.array(z.object({ root: z.string(), bytes: z.int() }));

const versionSchema = z.object({ data_version: z.int() });
const rootsSchema = z.array(z.object({ root: z.string() }));

/** Of so many trees it is known without a question that there are states; those of workspaces that were asked about last. */
const MAX_KNOWN = 200_000;
/** Longer roots are known by their hash. UTF-16 units. */
const MAX_KNOWN_UNITS = 256;

/** The last state of each tree, for those who watch while its agent is away. */
export class TreeStateTable {
  readonly #db: Database.Database;
  readonly #save: Database.Statement;
  readonly #load: Database.Statement;
  readonly #roots: Database.Statement;
  readonly #heads: Database.Statement;
  readonly #others: Database.Statement;
  readonly #delete: Database.Statement;
  readonly #size: Database.Statement;
  readonly #oldest: Database.Statement;
  readonly #count: RowCount;
  /** By workspace, its trees that have states: a chat may list ten thousand that have none, and a question takes 10 µs. */
  readonly #known = new LRUCache<string, Set<string>>({ maxSize: MAX_KNOWN, sizeCalculation: ({ size }) => 1 + size });
  readonly #version: Database.Statement;
  /** The database's, as of the turn in which it was last looked at: another process changes it, as a relay that is about to end. */
  #knownVersion = -1;
  #isLookedAt = false;
  readonly #sweep: Database.Statement;

  /** @param limit of each workspace: rows, and bytes of their states; the oldest go */
  constructor(db: Database.Database, limit: Rows) {
    this.#db = db;
    this.#size = db.prepare("select root, length(state) as bytes from trees where workspace = ? and root = ?");
    this.#oldest = db.prepare("select root, length(state) as bytes from trees where workspace = ? order by saved_at");
    const count = db.prepare(
      "select count(*) as rows, coalesce(sum(length(state)), 0) as bytes from trees where workspace = ?",
    );
    this.#count = new RowCount(limit, (workspace) => countSchema.parse(count.get(workspace)));
    this.#save = db.prepare(
      `insert into trees (workspace, root, epoch, seq, state, saved_at, secrets) values (?, ?, ?, ?, ?, ?, ?)
       on conflict (workspace, root) do update set epoch = excluded.epoch, seq = excluded.seq,
         state = excluded.state, saved_at = excluded.saved_at, secrets = excluded.secrets`,
    );
    this.#load = db.prepare("select root, epoch, seq, state, secrets from trees where workspace = ? and root = ?");
    this.#version = db.prepare("pragma data_version");
    this.#roots = db.prepare("select root from trees where workspace = ?");
    this.#heads = db.prepare("select root, epoch, seq from trees where workspace = ? order by saved_at desc limit ?");
    this.#others = db.prepare("select root from trees where workspace = ? and secrets is not ?");
    this.#delete = db.prepare("delete from trees where workspace = ? and root = ?");
    this.#sweep = db.prepare("delete from trees where saved_at < ?");
  }

  /** Deletes the trees of which nothing was heard for {@link MAX_STATE_AGE_MS}. */
  sweep(): void {
    writeRelaxed(this.#db, () => this.#sweep.run(Date.now() - MAX_STATE_AGE_MS));
    this.#known.clear();
    this.#count.clear();
  }

  /**
   * Compresses on another thread, then writes.
   *
   * @param isOutdated asked in between: it is not to be written any more
   * @param written called when it is, also if what other trees have too much cannot be deleted then
   */
  async save(
    workspace: string,
    tree: StoredTree,
    isOutdated: () => boolean,
    written: () => void = () => undefined,
  ): Promise<void> {
    const { root, epoch, seq, secrets = null } = tree;
    const bytes = await packState(tree);
    if (isOutdated()) return;
    const before = this.#sizeOf(workspace, root);
    writeRelaxed(this.#db, () => this.#save.run(workspace, root, epoch, seq, bytes, Date.now(), secrets));
    this.#count.add(workspace, { rows: before === undefined ? 1 : 0, bytes: bytes.length - (before ?? 0) });
    this.#knowAlso(workspace, root);
    written();
    this.#trim(workspace);
  }

  /** How many trees of a workspace are kept. */
  rowCount(workspace: string): number {
    return this.#count.of(workspace).rows;
  }

  #sizeOf(workspace: string, root: string): number | undefined {
    return sizesSchema.parse(this.#size.all(workspace, root))[0]?.bytes;
  }

  #trim(workspace: string): void {
    const excess = this.#count.excess(workspace);
    if (excess === undefined) return;
    const gone: string[] = [];
    let goneBytes = 0;
    writeRelaxed(this.#db, () => {
      for (const { root, bytes } of sizesSchema.parse(this.#oldest.all(workspace))) {
        if (gone.length >= excess.rows && goneBytes >= excess.bytes) return;
        this.#delete.run(workspace, root);
        gone.push(root);
        goneBytes += bytes;
      }
    });
    for (const root of gone) this.#known.get(workspace)?.delete(keyOf(root));
    this.#count.add(workspace, { rows: -gone.length, bytes: -goneBytes });
  }

  /** @returns `undefined` when nothing is kept, or what is kept cannot be read */
  load(workspace: string, root: string): StoredTree | undefined {
    if (!this.has(workspace, root)) return undefined;
    const row = this.#load.get(workspace, root);
    if (row === undefined) return undefined;
    const { state, ...rest } = rowSchema.parse(row);
    const stored = unpackState(state);
    return stored && { ...rest, ...stored };
  }

  /** Which states are kept of a workspace's trees. @param limit the newest so many */
  heads(workspace: string, limit: number): TreeHead[] {
    return z.array(headSchema).parse(this.#heads.all(workspace, limit));
  }

  /** The trees of a workspace whose states were sent by an agent that did something else with secrets in them. */
  rootsOtherThan(workspace: string, secrets: SecretsMode | undefined): string[] {
    return rootsSchema.parse(this.#others.all(workspace, secrets ?? null)).map(({ root }) => root);
  }

  has(workspace: string, root: string): boolean {
    this.#forgetIfChanged();
    let known = this.#known.get(workspace);
    if (known === undefined) {
      known = new Set(rootsSchema.parse(this.#roots.all(workspace)).map((row) => keyOf(row.root)));
      this.#known.set(workspace, known);
    }
    return known.has(keyOf(root));
  }

  /** Once in each turn of the event loop, whether another connection has written. */
  #forgetIfChanged(): void {
    if (this.#isLookedAt) return;
    this.#isLookedAt = true;
    setImmediate(() => {
      this.#isLookedAt = false;
    }).unref();
    const { data_version: version } = versionSchema.parse(this.#version.get());
    if (version !== this.#knownVersion) this.#known.clear();
    this.#knownVersion = version;
  }

  #knowAlso(workspace: string, root: string): void {
    const known = this.#known.get(workspace);
    if (known === undefined) return;
    this.#known.delete(workspace); // the cache measures what is new to it alone
    this.#known.set(workspace, known.add(keyOf(root)));
  }

  delete(workspace: string, root: string): void {
    const bytes = this.has(workspace, root) ? this.#sizeOf(workspace, root) : undefined;
    if (bytes === undefined) return;
    writeRelaxed(this.#db, () => this.#delete.run(workspace, root));
    this.#known.get(workspace)?.delete(keyOf(root));
    this.#count.add(workspace, { rows: -1, bytes: -bytes });
  }
}

function keyOf(root: string): string {
  return root.length > MAX_KNOWN_UNITS ? createHash("sha256").update(root).digest("base64") : root;
}
