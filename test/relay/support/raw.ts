import { connect, type Socket } from "node:net";
import type { Cleanup } from "../../support/temp.js";

/** A bare TCP connection to a relay: what a test writes goes as it is. */
export class RawConnection {
  readonly socket: Socket;
  readonly #chunks: Buffer[] = [];
  readonly #over: Promise<void>;

  /** @param url the relay's */
  constructor(t: Cleanup, url: string) {
    const { port, hostname } = new URL(url);
    this.socket = connect(Number(port), hostname);
    this.socket.on("data", (chunk) => this.#chunks.push(chunk));
    this.socket.on("error", () => undefined); // a relay may cut who does not behave
    this.#over = new Promise((resolve) => this.socket.once("close", () => resolve()));
    t.teardown(() => this.socket.destroy());
  }

  /** Everything that came so far, a character a byte. */
  get text(): string {
    return Buffer.concat(this.#chunks).toString("latin1");
  }

  /** The status of the first answer, if one has come. */
  get status(): number | undefined {
    const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(this.text) ?? [];
    return status === undefined ? undefined : Number(status);
  }

  /** Resolves when the connection is over, whoever ended it. */
  closed(): Promise<void> {
    return this.#over;
  }
}

/** Sends a request as it is and waits until the relay has ended the connection. @returns everything that came */
export async function ask(t: Cleanup, url: string, text: string): Promise<RawConnection> {
  const connection = new RawConnection(t, url);
  connection.socket.write(text, "latin1");
  await connection.closed();
  return connection;
}
