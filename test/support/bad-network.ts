import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { Flow, type Pace } from "./flow.js";
import { LineRate } from "./line-rate.js";
import type { Cleanup } from "./temp.js";

/** One connection through the link. */
interface Pair {
  near: Socket;
  far: Socket;
}

/** What a link does with connections, other than to carry their bytes. */
export interface Intervention {
  /** Takes new connections in the place of whom the link leads to. */
  answer?: (near: Socket) => void;
  /** Alters the head of a request or of its answer, on new connections. */
  alter?: (head: string) => string;
  /** Carries bytes slowly, in both directions and on all connections. */
  pace?: Pace;
}

/** What can happen to a link. */
export const FAULTS = ["cut", "reset", "refuse", "stall", "halfOpen", "slow", "truncate"] as const;
export type Fault = (typeof FAULTS)[number];

/** A TCP proxy that fails on demand. */
export class BadLink {
  readonly #target: number;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  /** Sockets of connections that were forgotten without a word; they stay open until the end. */
  readonly #dead = new Set<Socket>();
  readonly #flows = new Map<Socket, Flow>();
  #fault: Fault | undefined;
  #intervention: Intervention = {};
  /** Bytes that have come from the near side, over all connections. */
  received = 0;
  /** What the link carries in each direction of each connection, in bytes a second; `undefined`: whatever comes. */
  bytesPerSecond: number | undefined;
  /** Connections that were answered here, or whose heads were altered. */
  intervened = 0;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (near) => this.#accept(near));
  }

  /**
   * @param target the port on this machine to which the link leads
   * @param at where the link itself is, by default at any port of 127.0.0.1
   */
  static async open(t: Cleanup, target: number, at: { host?: string; port?: number } = {}): Promise<BadLink> {
    const link = new BadLink(target);
    await listen(link.#server, at);
    t.teardown(() => link.#close());
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** How many connections go through it. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** Does this to what goes through now, and to what comes until {@link heal}. */
  fail(fault: Fault): void {
    this.#fault = fault;
    for (const pair of [...this.#pairs]) this.#hurt(pair, fault);
  }

  /** Does this with what comes until {@link heal}. @param cut ends the connections that there are: else they go on */
  intervene(intervention: Intervention, { cut }: { cut: boolean }): void {
    this.#intervention = intervention;
    if (cut) for (const pair of [...this.#pairs]) this.#hurt(pair, "cut");
  }

  /** Nobody listens there any more, until {@link reopen}. */
  async shut(): Promise<{ reopen: () => Promise<void> }> {
    const { port, address: host } = this.#server.address() as AddressInfo;
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const pair of [...this.#pairs]) this.#hurt(pair, "cut");
    for (const socket of this.#dead) socket.destroy();
    await closed;
    return { reopen: () => listen(this.#server, { host, port }) };
  }

  /** The link works again; connections that were killed stay dead, and those that somebody else answered stay as they are. */
  heal(): void {
    this.#fault = undefined;
    this.#intervention = {};
    for (const flow of this.#flows.values()) flow.flush();
    for (const { near, far } of this.#pairs) {
      near.resume();
      far.resume();
    }
  }

  #accept(near: Socket): void {
    const { answer } = this.#intervention;
    if (answer !== undefined) {
      this.intervened += 1;
      this.#dead.add(near);
      near.on("error", () => near.destroy());
      near.on("close", () => this.#dead.delete(near));
      answer(near);
      return;
    }
    const { alter } = this.#intervention;
    const far = connect({ port: this.#target, host: "127.0.0.1", allowHalfOpen: true });
    const pair = { near, far };
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      for (const socket of [near, far]) {
        socket.destroy();
        this.#flows.get(socket)?.flush();
        this.#flows.delete(socket);
      }
    };
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      const line = new LineRate(() => this.bytesPerSecond ?? Number.POSITIVE_INFINITY);
      this.#flows.set(to, new Flow(from, to));
      let isHead = true;
      from.on("data", (chunk: Buffer) => {
        if (from === near) this.received += chunk.length;
        const altered = isHead && alter !== undefined;
        if (altered && from === near) this.intervened += 1;
        isHead = false; // heads are small, and come in one piece on this machine
        this.#carry(altered ? Buffer.from(alter(chunk.toString("latin1")), "latin1") : chunk, from, to, line);
      });
      from.on("end", end);
      from.on("error", end);
      from.on("close", end);
    }
    if (this.#fault !== undefined) this.#hurt(pair, this.#fault);
  }

  #carry(chunk: Buffer, from: Socket, to: Socket, line: LineRate): void {
    if (this.#dead.has(from)) return;
    if (this.bytesPerSecond !== undefined) {
      line.carry(chunk, from, to);
      return;
    }
    if (this.#fault !== "slow") {
      this.#flows.get(to)?.send(chunk, this.#intervention.pace);
      return;
    }
    // a hundred bytes each turn of the loop
    from.pause();
    const next = (at: number) => {
      if (at >= chunk.length || to.destroyed) {
        from.resume();
        return;
      }
      to.write(chunk.subarray(at, at + 100));
      setImmediate(next, at + 100);
    };
    next(0);
  }

  #hurt(pair: Pair, fault: Fault): void {
    const { near, far } = pair;
    switch (fault) {
      case "cut":
      case "refuse":
        near.destroy();
        far.destroy();
        break;
      case "reset":
        near.resetAndDestroy();
        far.resetAndDestroy();
        break;
      case "truncate":
        // half a frame, and the end
        near.end(Buffer.from([0x81, 0x7e, 0x01]));
        far.destroy();
        break;
      case "stall":
        near.pause();
        far.pause();
        break;
      case "halfOpen":
        this.#dead.add(near).add(far);
        this.#pairs.delete(pair);
        break;
      case "slow":
        break;
    }
  }

  async #close(): Promise<void> {
    for (const { near, far } of this.#pairs) this.#dead.add(near).add(far);
    for (const socket of this.#dead) socket.destroy();
    this.#server.close();
  }
}

/** An HTTP proxy that takes `CONNECT` from whoever knows the name and password. */
export async function connectProxy(t: Cleanup, userInfo: string): Promise<{ port: number; seen: () => number }> {
  const wanted = `Basic ${Buffer.from(userInfo).toString("base64")}`;
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createHttpServer((_request, response) => response.writeHead(405).end());
  server.on("connect", (request, near: Socket) => {
    sockets.add(near);
    near.on("error", () => near.destroy());
    if (request.headers["proxy-authorization"] !== wanted) {
      near.end("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    count += 1;
    const [host, port] = (request.url ?? "").split(":");
    const far = connect(Number(port), host ?? "", () => near.write("HTTP/1.1 200 OK\r\n\r\n"));
    sockets.add(far);
    far.on("error", () => near.destroy());
    far.on("close", () => near.destroy());
    near.on("close", () => far.destroy());
    near.pipe(far).pipe(near);
  });
  await listen(server);
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, seen: () => count };
}

async function listen(server: Server, { host = "127.0.0.1", port = 0 } = {}): Promise<void> {
  server.listen(port, host);
  await once(server, "listening");
}
