import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import {
  type AgentMessage,
  agentMessageSchema,
  type PartialUpdate,
  type RelayMessage,
  TUNNEL_PATH,
  TUNNEL_SUBPROTOCOL,
  TUNNEL_VERSION,
} from "../../src/protocol/index.js";
import type { Cleanup } from "./temp.js";
import { until } from "./until.js";

/** One agent's connection, as the relay sees it: checks what comes in and keeps it. */
export class AgentConnection {
  readonly socket: WebSocket;
  readonly request: IncomingMessage;
  readonly messages: AgentMessage[] = [];
  /** What came in that the protocol does not know. */
  readonly nonsense: string[] = [];

  constructor(socket: WebSocket, request: IncomingMessage) {
    this.socket = socket;
    this.request = request;
    socket.on("message", (data) => {
      const parsed = agentMessageSchema.safeParse(JSON.parse(String(data)));
      if (parsed.success) this.messages.push(parsed.data);
      else this.nonsense.push(String(data));
    });
    socket.on("error", () => {}); // the tests cut connections
  }

  send(message: RelayMessage): void {
    this.socket.send(JSON.stringify(message));
  }

  /** @param partial the updates that it has parts of; `undefined`: it is of the version before, and takes no cut files */
  welcome(held: { root: string; epoch: string; seq: number }[] = [], partial?: PartialUpdate[]): void {
    const workspace = "00000000-0000-4000-8000-000000000001";
    const takesParts = partial !== undefined && { partial };
    this.send({ type: "welcome", protocol: TUNNEL_VERSION, workspace, held, ...takesParts });
  }

  /** The messages of one kind so far. */
  all<T extends AgentMessage["type"]>(type: T): Extract<AgentMessage, { type: T }>[] {
    return this.messages.filter((message): message is Extract<AgentMessage, { type: T }> => message.type === type);
  }

  /** Waits for the `count`th message of a kind. */
  async nth<T extends AgentMessage["type"]>(type: T, count: number): Promise<Extract<AgentMessage, { type: T }>> {
    return until(`message ${count} of type ${type}`, () => this.all(type)[count - 1], {
      seen: () => this.messages.map((message) => message.type),
    });
  }
}

/** A relay that does what the test says, on a real socket. */
export class FakeRelay {
  readonly connections: AgentConnection[] = [];
  /** Answers an upgrade with this status instead of accepting it. */
  refuseWith: number | undefined;
  /** How often it has done so. */
  refused = 0;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(t: Cleanup): Promise<FakeRelay> {
    const server = createServer((_request, response) => response.writeHead(404).end());
    const relay = new FakeRelay(server);
    const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => TUNNEL_SUBPROTOCOL });
    server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
      const status = request.url === TUNNEL_PATH ? relay.refuseWith : 404;
      if (status !== undefined) {
        relay.refused += 1;
        socket.end(`HTTP/1.1 ${status} No\r\nTreewire-Relay: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
        return;
      }
      sockets.handleUpgrade(request, socket, head, (accepted) => {
        relay.connections.push(new AgentConnection(accepted, request));
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.teardown(async () => {
      for (const { socket } of relay.connections) socket.terminate();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    });
    return relay;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Waits for the `count`th connection, and for its hello. */
  async connection(count = 1): Promise<AgentConnection> {
    const connection = await until(`connection ${count}`, () => this.connections[count - 1]);
    await connection.nth("hello", 1);
    return connection;
  }
}
