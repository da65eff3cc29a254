import { treeKey } from "../../../protocol/index.js";
import type { AgentLink, TreeState, Workspace } from "../../hub/index.js";
import type { Head, LogEvent } from "../bus/messages.js";
import type { Welcomed } from "../exchange.js";

/** A state of a tree, whole or as what leads to it. */
type TreeEvent = Extract<LogEvent, { type: "tree" }>;

/** A follower's own workspace, which hears from the home's log what it would hear from an agent. */
export class Replica {
  readonly #workspace: Workspace;
  readonly #link: AgentLink;
  #attachedWith: Welcomed | undefined;

  constructor(workspace: Workspace, link: AgentLink) {
    this.#workspace = workspace;
    this.#link = link;
  }

  get isAttached(): boolean {
    return this.#attachedWith !== undefined;
  }

  /** Attaches the workspace, unless it is attached for the same agent. @returns whether it is newly attached */
  attach({ secrets, compares }: Welcomed): boolean {
    const before = this.#attachedWith;
    if (before !== undefined && before.secrets === secrets && before.compares === compares) return false;
    this.#attachedWith = { secrets, compares };
    this.#workspace.attachReplica(this.#link, secrets, compares);
    return true;
  }

  detach(state: "disconnected" | "timeout"): void {
    this.#attachedWith = undefined;
    this.#workspace.detach(this.#link, state);
  }

  /** The workspace was attached with another link. */
  replaced(): void {
    this.#attachedWith = undefined;
  }

  /**
   * Takes an event. The barriers among them are their caller's.
   *
   * @returns whether the workspace holds what the event says; if not, something before it is missing
   * @throws TunnelLimitError when there is no room for it
   */
  take(event: Exclude<LogEvent, { type: "refreshed" }>): boolean {
    switch (event.type) {
      case "confirmed": {
        const { root, compare, scanned_at } = event;
        if (!this.#holds(event)) return false;
        this.#workspace.receive(this.#link, {
          type: "scanned",
          root,
          ...(compare !== undefined && { compare }),
          scanned_at,
        });
        return true;
      }
      case "tree":
        if (this.#isOld(event)) return true;
        this.#workspace.receive(this.#link, event);
        return this.#holds(event);
      default:
        this.#workspace.receive(this.#link, event);
        return true;
    }
  }

  /** A barrier has passed. @param id the workspace's own number */
  pass(id: number, scannedAt: string): void {
    this.#workspace.receive(this.#link, { type: "refreshed", id, scanned_at: scannedAt });
  }

  /** @param id the workspace's own number */
  answer(id: number, data: string): void {
    this.#workspace.receive(this.#link, { type: "answer", id, data, more: false });
  }

  #state({ root, compare }: Head): TreeState | undefined {
    return this.#workspace.state(treeKey(root, compare));
  }

  #holds(head: Head): boolean {
    const state = this.#state(head);
    return state !== undefined && state.epoch === head.epoch && state.seq === head.seq;
  }

  /** A whole state from before the one that is here. */
  #isOld(event: TreeEvent): boolean {
    const state = this.#state(event);
    return event.base === null && state?.epoch === event.epoch && state.seq > event.seq;
  }
}
