// The process of all clients of the relay benchmark.
import { once } from "node:events";
import { WebSocket } from "ws";
import { clockMs, type FromClients, groupId, type ServerName, type ToClients } from "./messages.js";
import { serve } from "./part.js";

/** The last characters of each frame's text: which update it carries. */
const MARK = /update (\d{9})/;

/** So many connect at a time. */
const BATCH = 100;

/** A client that looks for the mark in each frame, and reads nothing else of it. */
class Client {
  readonly socket: WebSocket;
  #reached = -1;
  #at = 0;
  #wanted = -1;
  #wake: (time: number) => void = () => undefined;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data) => {
      const bytes = data as Buffer;
      const mark = MARK.exec(bytes.toString("latin1", Math.max(0, bytes.length - 80)));
      if (mark === null) return;
      this.#reached = Number(mark[1]);
      this.#at = clockMs();
      if (this.#reached >= this.#wanted) this.#wake(this.#at);
    });
    socket.on("error", () => undefined);
  }

  static async open(url: string, token: string): Promise<Client> {
    const headers = { "coder-session-token": token };
    const client = new Client(new WebSocket(url, { headers, perMessageDeflate: false }));
    await once(client.socket, "open");
    return client;
  }

  /** Resolves with when the update, or a later one, came. */
  reached(update: number): Promise<number> {
    if (this.#reached >= update) return Promise.resolve(this.#at);
    return new Promise((resolve) => {
      this.#wanted = update;
      this.#wake = resolve;
    });
  }
}

const [, , name, url = "", token = ""] = process.argv;
const server = name as ServerName;
const clients: Client[] = [];

serve<ToClients, FromClients>(async (order) => {
  if (order.kind === "pause") for (const { socket } of clients.slice(order.from)) socket.pause();
  if (order.kind === "connect") await connect(order);
  if (order.kind !== "await") return { times: new Float64Array() };
  return {
    times: Float64Array.from(
      await Promise.all(clients.slice(0, order.clients).map((client) => client.reached(order.update))),
    ),
  };
});

async function connect({ count, groups }: { count: number; groups: number }): Promise<void> {
  const made: Client[] = [];
  while (made.length < count) {
    const batch = Array.from({ length: Math.min(BATCH, count - made.length) }, (_, at) =>
      Client.open(`${url}/chats/${groupId((made.length + at) % groups)}/git/watch`, token),
    );
    made.push(...(await Promise.all(batch)));
  }
  clients.push(...made);
  if (server === "relay") await Promise.all(made.map((client) => client.reached(0)));
}
