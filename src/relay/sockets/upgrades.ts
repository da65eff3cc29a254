import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocket } from "ws";
import { TUNNEL_PATH } from "../../protocol/index.js";
import { systemClock } from "../../util/index.js";
import { maskToken } from "../access/credentials.js";
import { REFUSALS, type Refusal, RefusedError, refuseUpgrade } from "../answers.js";
import type { Failures } from "../failures.js";
import type { Metrics } from "../metrics.js";
import { closePaced } from "../paced-close.js";
import { RepeatedLog } from "../repeated-log.js";
import { hasOneTarget } from "../request-shape.js";
import { isChatEvents, watchedChat } from "../routes.js";
import { PassedUpgrade, type PassedUpgradeOptions } from "../upstream/passed-upgrade.js";
import { ownerOf } from "../upstream/paths.js";
import { closeSocket } from "./close-socket.js";
import { FeedUpgrade, type FeedUpgradeOptions } from "./feed-upgrade.js";
import { TunnelUpgrade, type TunnelUpgradeOptions } from "./tunnel-upgrade.js";
import type { UpgradeRequest } from "./upgrade-request.js";
import { WatchUpgrade, type WatchUpgradeOptions } from "./watch-upgrade.js";

type UpgradesOptions = WatchUpgradeOptions &
  TunnelUpgradeOptions & {
    /** Set: it stays the owner of chats, and upgrades that are not the relay's own are passed on to it. */
    passOn: Pick<PassedUpgradeOptions, "upstream" | "allowedOrigins"> | undefined;
    /** Set where there is none: chat events, and who may have them. */
    feeds: Pick<FeedUpgradeOptions, "events" | "authority"> | undefined;
  };

/**
 * Answers upgrade requests: with a watch socket, a tunnel, what an upstream says, or the refusal that docs/protocol.md has
 * for it.
 */
export class Upgrades {
  readonly #watches: WatchUpgrade;
  readonly #tunnels: TunnelUpgrade;
  readonly #passed: PassedUpgrade | undefined;
  readonly #feeds: FeedUpgrade | undefined;
  readonly #metrics: Metrics;
  readonly #failures: Failures;
  /** For what callers cause. */
  readonly #refused: RepeatedLog;
  #isClosing = false;

  constructor(options: UpgradesOptions) {
    this.#watches = new WatchUpgrade(options);
    this.#tunnels = new TunnelUpgrade(options);
    this.#metrics = options.metrics;
    this.#failures = options.failures;
    this.#refused = new RepeatedLog(options.log);
    const { passOn, feeds } = options;
    this.#feeds = feeds && new FeedUpgrade({ ...options, ...feeds });
    this.#passed = passOn && new PassedUpgrade({ ...options, ...passOn, log: new RepeatedLog(options.log) });
  }

  /** Node's `upgrade` event. Never rejects. */
  async handle(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on("error", () => socket.destroy()); // a client that goes away while it is being answered
    let refusal: Refusal | undefined;
    try {
      const target = `http://relay${request.url}`;
      refusal =
        hasOneTarget(request) && URL.canParse(target)
          ? await this.#route({ request, socket, head, url: new URL(target) })
          : REFUSALS.badRequest;
    } catch (thrown) {
      if (thrown instanceof RefusedError) refusal = thrown.refusal;
      else refusal = this.#failures.note(thrown, "upgrade failed") ? REFUSALS.storeTrouble : REFUSALS.internal;
    }
    if (refusal !== undefined) this.#refuse(request, socket, refusal);
  }

  #refuse(request: IncomingMessage, socket: Duplex, refusal: Refusal): void {
    this.#metrics.dropped("refused_upgrade");
    const { status } = refusal;
    const url = maskToken(request.url ?? "");
    this.#refused.info(`${status} ${url}`, { url, status }, "upgrade refused");
    refuseUpgrade(socket, refusal);
  }

  /** @returns the refusal, when the request is not upgraded */
  async #route(upgrade: UpgradeRequest): Promise<Refusal | undefined> {
    if (this.#isClosing) return REFUSALS.goingAway;
    if (upgrade.url.pathname === TUNNEL_PATH) return this.#tunnels.open(upgrade, () => this.#isClosing);
    const watched = watchedChat(upgrade.url.pathname);
    if (watched === undefined) return this.#openOther(upgrade);
    return this.#watches.open(upgrade, watched, () => this.#isClosing);
  }

  async #openOther(upgrade: UpgradeRequest): Promise<Refusal | undefined> {
    if (this.#feeds !== undefined && isChatEvents(upgrade.url.pathname)) {
      return this.#feeds.open(upgrade, () => this.#isClosing);
    }
    if (this.#passed === undefined) return REFUSALS.noSuchRoute;
    // the target as it came: a URL has resolved its dots
    const owner = ownerOf(upgrade.request.url?.split("?", 1)[0] ?? "");
    if (owner === "nonsense") return REFUSALS.badRequest;
    return owner === "own" ? REFUSALS.noSuchRoute : this.#passed.open(upgrade, () => this.#isClosing);
  }

  /** How many sockets are open: agents' and clients', and those that are passed on. */
  get openCount(): number {
    const own = [this.#tunnels.sockets, this.#watches.sockets, this.#feeds?.sockets];
    const count = this.#passed?.passages.length ?? 0;
    return own.reduce((sum, sockets) => sum + (sockets?.size ?? 0), count);
  }

  /** Opens no more sockets: from here on upgrades are refused. */
  turnAway(): void {
    this.#isClosing = true;
  }

  /**
   * Tells every agent and client that the relay goes away: agents first, so that they are somewhere else when the clients look
   * for them. Resolves when all of them are gone.
   *
   * @param withinMs so much time they are spread over, in milliseconds
   * @param graceMs how long each has to answer, before its socket is cut
   */
  async close(withinMs: number, graceMs: number): Promise<void> {
    this.turnAway();
    const sockets = [...this.#tunnels.sockets, ...this.#watches.sockets, ...(this.#feeds?.sockets ?? [])];
    const passages = this.#passed?.passages ?? [];
    const over = [
      ...sockets.map((socket) => new Promise((resolve) => socket.once("close", resolve))),
      ...passages.map((passage) => passage.over),
    ];
    const closers = [
      ...sockets.map((socket) => () => {
        if (socket.readyState !== WebSocket.CLOSED) closeSocket(socket, "goingAway", { graceMs });
      }),
      ...passages.map((passage) => () => {
        if (!passage.isOver) passage.close(graceMs);
      }),
    ];
    await closePaced(closers, withinMs, systemClock);
    await Promise.all(over);
  }
}
