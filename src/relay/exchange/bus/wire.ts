import type { z } from "zod";
import type { Bus, Subscription } from "./bus.js";
import { FrameReader, FrameWriter } from "./frames.js";
import {
  homeStateSchema,
  type LogEntry,
  logEntrySchema,
  type ToFollower,
  type ToHome,
  type ToHomeOf,
  type ToRelays,
  toFollowerSchema,
  toHomeSchema,
  tookSchema,
  toRelaysSchema,
} from "./messages.js";

/** The first part of every subject: another version of this language has another one. */
const PREFIX = "tw1";

export type Took = z.infer<typeof tookSchema>;
export type HomeState = z.infer<typeof homeStateSchema>;
/** What answers a `take` or a `who`. */
type Answer = Took | HomeState;

/** Where relays say what is about no workspace. */
const RELAYS_SUBJECT = `${PREFIX}.abuse`;

/** What relays say to each other, at the subjects where they say it. What is heard and makes no sense is dropped. */
export class Wire {
  /** The relay's name among the others: another one for each start. No more than letters, digits, `-` and `_`. */
  readonly relay: string;
  readonly #bus: Bus;
  readonly #writer = new FrameWriter();

  constructor(bus: Bus, relay: string) {
    this.#bus = bus;
    this.relay = relay;
  }

  get isConnected(): boolean {
    return this.#bus.isConnected;
  }

  // ── what is said ──

  /** @param workspace its id, in lower case */
  toHome(workspace: string, message: ToHome): void {
    this.#publish(homeSubject(workspace), message);
  }

  /** @throws NobodyListensError when nobody is the workspace's home @throws NoReplyError */
  async take(workspace: string, message: ToHomeOf<"take">, timeoutMs: number): Promise<Took | undefined> {
    return tookSchema.safeParse(await this.#request(workspace, message, timeoutMs)).data;
  }

  /** @throws NobodyListensError when nobody is the workspace's home @throws NoReplyError */
  async who(workspace: string, message: ToHomeOf<"who">, timeoutMs: number): Promise<HomeState | undefined> {
    return homeStateSchema.safeParse(await this.#request(workspace, message, timeoutMs)).data;
  }

  toLog(workspace: string, entry: LogEntry): void {
    this.#publish(logSubject(workspace), entry);
  }

  toFollower(relay: string, workspace: string, message: ToFollower): void {
    this.#publish(`${PREFIX}.to.${relay}.${workspace}`, message);
  }

  toRelays(message: ToRelays): void {
    this.#publish(RELAYS_SUBJECT, message);
  }

  // ── what is heard ──

  /** What other relays say to all. */
  atRelays(heard: (message: ToRelays) => void): Subscription {
    const reader = new FrameReader();
    return this.#bus.subscribe(RELAYS_SUBJECT, ({ subject, data }) => {
      const message = toRelaysSchema.safeParse(reader.read(subject, data)).data;
      if (message !== undefined) heard(message);
    });
  }

  /** What is said to a workspace's home. @param heard `answer` is for those who have asked: a message of one frame */
  atHome(workspace: string, heard: (message: ToHome, answer: (answer: Answer) => void) => void): Subscription {
    const reader = new FrameReader();
    return this.#bus.subscribe(homeSubject(workspace), ({ subject, data, reply }) => {
      const message = toHomeSchema.safeParse(reader.read(subject, data)).data;
      const answer = (said: Answer): void => {
        const [frame, ...more] = this.#writer.write(said, this.#bus.maxBytes);
        if (frame !== undefined && more.length === 0) reply(frame);
        else if ("counts" in said) answer(withoutCounts(said));
      };
      if (message !== undefined) heard(message, answer);
    });
  }

  /** What a workspace's home says to all who follow. */
  onLog(workspace: string, heard: (entry: LogEntry) => void): Subscription {
    const reader = new FrameReader();
    return this.#bus.subscribe(logSubject(workspace), ({ subject, data }) => {
      const entry = logEntrySchema.safeParse(reader.read(subject, data)).data;
      if (entry !== undefined) heard(entry);
    });
  }

  /** What homes say to this relay alone. */
  atFollower(heard: (workspace: string, message: ToFollower) => void): Subscription {
    const reader = new FrameReader();
    const prefix = `${PREFIX}.to.${this.relay}.`;
    return this.#bus.subscribe(`${prefix}>`, ({ subject, data }) => {
      const message = toFollowerSchema.safeParse(reader.read(subject, data)).data;
      if (message !== undefined) heard(subject.slice(prefix.length), message);
    });
  }

  /** Nothing is buffered for later while nobody can be reached: whoever needs it asks again. */
  #publish(subject: string, message: unknown): void {
    if (!this.#bus.isConnected) return;
    for (const frame of this.#writer.write(message, this.#bus.maxBytes)) this.#bus.publish(subject, frame);
  }

  async #request(workspace: string, message: ToHome, timeoutMs: number): Promise<unknown> {
    const subject = homeSubject(workspace);
    const [frame] = this.#writer.write(message, this.#bus.maxBytes); // they are short
    if (frame === undefined) return undefined;
    return new FrameReader().read(subject, await this.#bus.request(subject, frame, timeoutMs));
  }
}

function withoutCounts({ counts, ...state }: HomeState): HomeState {
  return state;
}

function homeSubject(workspace: string): string {
  return `${PREFIX}.ws.${workspace}.in`;
}

function logSubject(workspace: string): string {
  return `${PREFIX}.ws.${workspace}.ev`;
}
