import {
  type AgentStatus,
  HEAD_COMPARISON,
  parseComparisonRequest,
  type WantedComparison,
} from "../../protocol/index.js";
import { type Clock, coalesce, type Logger } from "../../util/index.js";
import type { Link } from "../trees/link.js";
import { logTrouble, type Trouble, troubleMessage } from "../trees/trouble.js";
import { type Discovery, type Located, type Locator, locateAll, type RepositoryFinder } from "./locate.js";
import type { TrackStore } from "./track-store.js";
import { WatchedComparisons } from "./watched-comparisons.js";

/** What a chat uses of the agent. */
export interface ChatContext {
  readonly discovery: Pick<Discovery, "find">;
  readonly finder: Locator & Pick<RepositoryFinder, "kind">;
  /** Paths that chats have touched: they count like those that the relay has bound them to. */
  readonly tracked: Pick<TrackStore, "paths" | "count" | "base">;
  readonly logger: Logger;
  readonly clock: Clock;
  /** The connection to the relay, while there is one. */
  link(): Link | undefined;
  /** Whether another refusal is to be logged: a relay may name new paths without end. */
  mayLogRefusal(): boolean;
  /** Whether a wanted tree is known not to be there. */
  isGone(root: string): boolean;
  /** {@link Chat.wanted} may be another list than before. */
  onWantedChanged(): void;
}

/** With what the viewers of a chat compare its trees. */
export interface WatchedHow {
  /** A word of docs/comparisons.md. Default: HEAD. */
  compare?: string;
  /** The ref that the chat names as base. */
  base?: string;
}

const REFUSED = "TW_PATH_REFUSED";
/** Of a chat's vanished trees, so many are waited for. */
const MAX_LOST_TREES = 100;
/** Of the reasons why paths are not shown, so many are reported. */
const MAX_TROUBLES = 20;
/** Looking where a chat's paths lead may take this share of the time at most. */
const RESOLVE_SHARE = 1 / 20;

/** One chat: the paths that it shows, and the working trees that hold them. */
export class Chat {
  readonly id: string;
  /** Finds the trees of the chat's paths and reports them to the relay. Never more than one run; see {@link coalesce}. */
  readonly resolve: () => Promise<void>;
  readonly #context: ChatContext;
  /** What the relay has bound it to, absolute. Without these and tracked paths: every repository under the roots. */
  #paths: readonly string[] = [];
  readonly #watches: WatchedComparisons;
  /** The ref that the relay names as the chat's base; "": none. */
  #base = "";
  /** The trees that hold the paths, ascending. */
  #roots: readonly string[] = [];
  /** Trees that vanished while they were shown: they are shown again as soon as they return. */
  readonly #lost = new Set<string>();
  /** Some paths are not there: another look may give other trees. */
  #provisional = false;
  /** What keeps paths from being shown, by message. */
  #troubles: ReadonlyMap<string, Trouble> = new Map();
  /** What {@link report} last sent over this connection, as JSON. */
  #lastReported: string | undefined;
  /** When {@link resolve} last ended (monotonic), and how long it took. Milliseconds. */
  #resolvedAt = Number.NEGATIVE_INFINITY;
  #resolveMs = 0;
  #closed = false;

  constructor(id: string, context: ChatContext) {
    this.id = id;
    this.#context = context;
    this.#watches = new WatchedComparisons(context.clock);
    this.resolve = coalesce(() => this.#resolve());
  }

  /** Has viewers, as far as the relay says over this connection. */
  get watched(): boolean {
    return this.#watches.hasViewers;
  }

  /** Whether the diffs against HEAD have viewers. */
  get isHeadWatched(): boolean {
    return this.#watches.isHeadWatched;
  }

  /** The comparisons of its trees with something else than HEAD, and whether they have viewers. */
  get comparisons(): { wanted: WantedComparison; watched: boolean }[] {
    return [...this.#watches.others()].flatMap(([name, watched]) => {
      const wanted = this.comparison(name);
      return wanted === undefined ? [] : { wanted, watched };
    });
  }

  /** The ref that is the base of the trees: what was named here comes before what the relay says. "": none. */
  get #baseRef(): string {
    return this.#context.tracked.base(this.id) || this.#base;
  }

  /** What a word means in this chat; `undefined` where it means nothing. */
  comparison(name: string): WantedComparison | undefined {
    const request = parseComparisonRequest(name);
    if (request === undefined || request.kind === "head") return undefined;
    const base = this.#baseRef;
    return request.kind === "base" && base !== "" ? { request, base } : { request };
  }

  /** The roots of the chat's trees, ascending; vanished ones too. */
  get wanted(): string[] {
    return [...new Set([...this.#roots, ...this.#lost])].sort();
  }

  /**
   * The chat has viewers from now on.
   *
   * @param paths as {@link ChatContext} resolves them, absolute
   * @param how with what they compare its trees, and the ref that is its base
   */
  async watch(paths: readonly string[], { compare = HEAD_COMPARISON, base = "" }: WatchedHow = {}): Promise<void> {
    // the relay has a list of trees for each comparison
    if (this.#watches.watch(compare) || this.#base !== base) this.#lastReported = undefined;
    this.#base = base;
    if (this.#paths.join("\0") !== paths.join("\0")) this.#lost.clear();
    this.#paths = paths;
    await this.resolve();
  }

  /**
   * The chat has no viewers any more, of one comparison or of all.
   *
   * @param onEnd is called unless it gets others within `lingerMs` milliseconds
   */
  unwatch(lingerMs: number, onEnd: () => void, compare?: string): void {
    const onLapse = (isLast: boolean): void => (isLast ? onEnd() : this.#context.onWantedChanged());
    this.#watches.unwatch(lingerMs, onLapse, compare);
    if (!this.watched) this.#lastReported = undefined;
  }

  /** Takes a tree that vanished for one that may return. */
  lose(root: string): void {
    this.#lost.add(root);
    const [oldest] = this.#lost;
    if (this.#lost.size > MAX_LOST_TREES && oldest !== undefined) this.#lost.delete(oldest);
  }

  /** Tells the relay which trees the chat has, and what keeps others from being shown, unless it was told just that. */
  report(): void {
    const link = this.#context.link();
    if (!this.watched || link === undefined) return;
    const roots = this.wanted.filter((root) => !this.#context.isGone(root));
    const base = this.#baseRef;
    const report = JSON.stringify([roots, [...this.#troubles.keys()], base]);
    if (report === this.#lastReported) return;
    this.#lastReported = report;
    link.send({ type: "chat", chat: this.id, roots, ...(base !== "" && { base }) });
    for (const trouble of this.#troubles.values()) link.send(troubleMessage(trouble, { chat: this.id }));
  }

  /** Whether a path that was not there is worth another look. */
  isDue(): boolean {
    const restedMs = this.#context.clock.monotonicMs() - this.#resolvedAt;
    return this.#provisional && restedMs >= this.#resolveMs / RESOLVE_SHARE;
  }

  status(): AgentStatus["chats"][number] {
    return {
      chat: this.id,
      watched: this.watched,
      bound_paths: this.#paths.length,
      tracked_paths: this.#context.tracked.count(this.id),
      roots: [...this.#roots],
    };
  }

  /** What keeps bound paths from being shown, in words. */
  troubles(): string[] {
    return [...this.#troubles.keys()].map((message) => `chat ${this.id}: ${message}`);
  }

  /** Ends it: a search that is under way reports nothing. */
  close(): void {
    this.#closed = true;
    this.#watches.close();
  }

  async #resolve(): Promise<void> {
    const { discovery, finder, tracked, clock, onWantedChanged } = this.#context;
    const startedAt = clock.monotonicMs();
    const touched = tracked.paths(this.id);
    if (this.#paths.length + touched.length === 0) {
      this.#roots = await discovery.find();
      this.#provisional = false;
    } else {
      const bound = await locateAll(this.#paths, finder);
      const told = await locateAll(touched, finder, "track");
      const located = [...bound, ...told];
      this.#roots = [...new Set(located.flatMap(({ root, worktrees }) => root ?? worktrees ?? []))].sort();
      this.#provisional = located.some(({ provisional }) => provisional);
      // what a chat has touched may be anything; that it is in no repository is no trouble
      this.#setTroubles([...bound, ...told.filter(({ trouble }) => trouble?.code === REFUSED)]);
    }
    this.#resolvedAt = clock.monotonicMs();
    this.#resolveMs = this.#resolvedAt - startedAt;
    if (this.#closed) return;
    onWantedChanged();
    this.report();
  }

  /** Logs what was not in the way of a path before. */
  #setTroubles(located: readonly Located[]): void {
    const isLost = (path: string) => [...this.#lost].some((root) => `${path}/`.startsWith(`${root}/`));
    const troubles = new Map<string, Trouble>();
    for (const { path, trouble } of located) {
      if (troubles.size >= MAX_TROUBLES) break;
      if (trouble === undefined || isLost(path)) continue; // of a tree that has vanished the viewers know
      if (!this.#troubles.has(trouble.message) && !troubles.has(trouble.message)) {
        if (trouble.code !== REFUSED || this.#context.mayLogRefusal()) {
          logTrouble(this.#context.logger, trouble, { chat: this.id });
        }
      }
      troubles.set(trouble.message, trouble);
    }
    this.#troubles = troubles;
  }
}
