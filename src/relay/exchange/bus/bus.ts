/** What a bus has delivered. */
export interface BusMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  /** Answers whoever has asked; does nothing where nobody has. */
  reply(data: Uint8Array): void;
}

/** Something is heard, until {@link stop}. */
export interface Subscription {
  stop(): void;
}

/** Nobody listens at the subject. */
export class NobodyListensError extends Error {
  override readonly name = "NobodyListensError";
}

/** There was no answer in time, or nobody can be reached at present. */
export class NoReplyError extends Error {
  override readonly name = "NoReplyError";
}

/**
 * What relays speak to each other over. Messages may be lost, and nobody is told; those of one relay at one subject arrive in
 * their order, as a rule; whoever publishes does not hear it itself. Everything that is said over it has to come right all the
 * same: the home's numbered log, and answers that are asked for again.
 */
export interface Bus {
  /** Whether others can be reached, as far as this end knows. What is published meanwhile is lost. */
  readonly isConnected: boolean;
  /** The most bytes of one message. */
  readonly maxBytes: number;
  publish(subject: string, data: Uint8Array): void;
  /**
   * Asks whoever listens at a subject; the first answer counts.
   *
   * @throws NobodyListensError soon, when nobody listens @throws NoReplyError after so many milliseconds
   */
  request(subject: string, data: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  /** @param subject may end in `.>`: everything below */
  subscribe(subject: string, heard: (message: BusMessage) => void): Subscription;
  /** Called whenever the connection is back: nobody knows what was missed. */
  onReconnected(back: () => void): void;
  close(): Promise<void>;
}
