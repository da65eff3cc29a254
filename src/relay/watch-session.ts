import type { WebSocket } from "ws";
import { type CLOSE, clientMessageSchema, type ServerMessage, UNKNOWN_MESSAGE_TYPE } from "../protocol/index.js";
import type { Logger } from "../util/index.js";
import type { Client, WatchedChat } from "./access/index.js";
import { type Hub, Viewer } from "./hub/index.js";
import { closeSocket, Heartbeat } from "./sockets.js";

/** One open watch socket: whose it is, and the viewer behind it. */
export class WatchSession {
  readonly client: Client;
  readonly chatId: string;
  /** The prefix of the route by which the client came. */
  readonly prefix: string;
  readonly viewer: Viewer;
  readonly #hub: Hub;
  readonly #socket: WebSocket;

  /**
   * @param workspace the one that the chat is bound to
   * @param ended called when the socket is closed, by whomever
   */
  constructor(
    socket: WebSocket,
    options: {
      hub: Hub;
      client: Client;
      prefix: string;
      chat: WatchedChat;
      workspace: string;
      log: Logger;
      ended: () => void;
    },
  ) {
    const { hub, client, chat, workspace, log, ended } = options;
    this.#socket = socket;
    this.#hub = hub;
    this.client = client;
    this.prefix = options.prefix;
    this.chatId = chat.id;
    const home = hub.workspace(workspace);
    const channel = home.channel(chat.id, chat.paths);
    this.viewer = new Viewer(channel, {
      send: (frame, done) => socket.send(frame, { binary: false }, done),
      close: (code, reason) => socket.close(code, reason),
    });
    home.join(channel, this.viewer);
    socket.on("message", (data, isBinary) => {
      if (!isBinary && isRefresh(String(data))) this.viewer.refresh();
      else this.viewer.tellError(UNKNOWN_MESSAGE_TYPE);
    });
    socket.on("error", (error) => log.info({ chat: chat.id, error: error.message }, "watch socket failed"));
    new Heartbeat(socket, () => {
      this.#leave();
      ended();
    });
  }

  /** The chat was bound anew: to other paths, or to another workspace. */
  rebind(chat: WatchedChat, workspace: string): void {
    this.#hub.move(this.viewer, workspace, chat.id, chat.paths);
  }

  /** The chat can no longer be watched. @param error told in an `error` frame, and as the reason; at most 123 bytes */
  end(error: string): void {
    const message: ServerMessage = { type: "error", message: error };
    this.#socket.send(JSON.stringify(message));
    this.close("goingAway", error);
    this.#hub.dropUnwatched(this.viewer.channel);
  }

  /** @param text why, in at most 123 bytes */
  close(reason: keyof typeof CLOSE, text: string): void {
    this.#leave();
    closeSocket(this.#socket, reason, { text });
  }

  #leave(): void {
    this.viewer.ended();
    this.#hub.leave(this.viewer);
  }
}

function isRefresh(text: string): boolean {
  try {
    return clientMessageSchema.safeParse(JSON.parse(text)).success;
  } catch {
    return false; // no JSON: answered as any unknown message
  }
}
