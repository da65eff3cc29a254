import type { AgentStatus } from "../../protocol/index.js";
import { type Clock, coalesce, type Logger } from "../../util/index.js";
import type { Link } from "../trees/link.js";
import { logTrouble, type Trouble, troubleMessage } from "../trees/trouble.js";
import { type Discovery, type Located, type Locator, locateAll, type RepositoryFinder } from "./locate.js";
import type { TrackStore } from "./track-store.js";

/** What a chat uses of the agent. */
export interface ChatContext {
  readonly discovery: Pick<Discovery, "find">;
  readonly finder: Locator & Pick<RepositoryFinder, "kind">;
  /** Paths that chats have touched: they count like those that the relay has bound them to. */
  readonly tracked: Pick<TrackStore, "paths" | "count">;
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
  #watched = false;
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
  #cancelEnd: () => void = () => {};
  #closed = false;

  constructor(id: string, context: ChatContext) {
    this.id = id;
    this.#context = context;
    this.resolve = coalesce(() => this.#resolve());
  }

  /** Has viewers, as far as the relay says over this connection. */
  get watched(): boolean {
    return this.#watched;
  }

  /** The roots of the chat's trees, ascending; vanished ones too. */
  get wanted(): string[] {
    return [...new Set([...this.#roots, ...this.#lost])].sort();
  }

  /** The chat has viewers from now on. @param paths as {@link ChatContext} resolves them, absolute */
  async watch(paths: readonly string[]): Promise<void> {
    this.#cancelEnd();
    this.#watched = true;
    if (this.#paths.join("\0") !== paths.join("\0")) this.#lost.clear();
    this.#paths = paths;
    await this.resolve();
  }

  /** The chat has no viewers any more. @param onEnd is called unless it gets others within `lingerMs` milliseconds */
  unwatch(lingerMs: number, onEnd: () => void): void {
    this.#watched = false;
    this.#lastReported = undefined;
    this.#cancelEnd();
    this.#cancelEnd = this.#context.clock.after(lingerMs, onEnd);
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
    if (!this.#watched || link === undefined) return;
    const roots = this.wanted.filter((root) => !this.#context.isGone(root));
    const report = JSON.stringify([roots, [...this.#troubles.keys()]]);
    if (report === this.#lastReported) return;
    this.#lastReported = report;
    link.send({ type: "chat", chat: this.id, roots });
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
      watched: this.#watched,
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
    this.#cancelEnd();
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
