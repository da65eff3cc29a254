// A process of viewers of the cluster benchmark: one of each workspace.
import { once } from "node:events";
import { WebSocket } from "ws";
import { clockMs, groupId } from "../relay/messages.js";
import { serve } from "../relay/part.js";
import { editsOf, type FromViewers, markIn, type ToViewers, type ViewersOptions } from "./messages.js";

/** So many connect at a time. */
const BATCH = 50;

const options: ViewersOptions = JSON.parse(process.argv[2] ?? "");
let latencies: number[] = [];

class Viewer {
  #edit = -1;
  #at = 0;
  #wanted = 0;
  #wake: (at: number) => void = () => undefined;

  constructor(socket: WebSocket) {
    socket.on("message", (data) => {
      const mark = markIn(data as Buffer);
      if (mark === undefined) return;
      this.#at = clockMs();
      if (this.#edit >= 0) latencies.push(this.#at - mark.atMs); // the first was sent before this one came
      this.#edit = mark.edit;
      if (this.#edit >= this.#wanted) this.#wake(this.#at);
    });
    socket.on("error", (error) => {
      throw error;
    });
  }

  static async connect(number: number): Promise<Viewer> {
    const socket = new WebSocket(`${options.url}/chats/${groupId(number)}/git/watch`, {
      headers: { "coder-session-token": options.token },
      perMessageDeflate: false,
    });
    const viewer = new Viewer(socket);
    await once(socket, "open");
    await viewer.reached(0);
    return viewer;
  }

  /** Resolves with when an edit was shown. */
  reached(edit: number): Promise<number> {
    if (this.#edit >= edit) return Promise.resolve(this.#at);
    return new Promise((resolve) => {
      this.#wanted = edit;
      this.#wake = resolve;
    });
  }
}

const viewers: Viewer[] = [];

serve<ToViewers, FromViewers>(async (order) => {
  if (order.kind === "come") await come();
  const { count } = options;
  const edits = order.kind === "come" ? 0 : order.edits;
  const reached = viewers.map((viewer, number) => viewer.reached(editsOf(number, count, edits)));
  const at = Math.max(...(await Promise.all(reached)));
  const taken = Float64Array.from(latencies);
  latencies = [];
  return { latencies: taken, at };
});

async function come(): Promise<void> {
  while (viewers.length < options.count) {
    const numbers = Array.from({ length: Math.min(BATCH, options.count - viewers.length) }, (_, at) => at);
    viewers.push(...(await Promise.all(numbers.map((at) => Viewer.connect(viewers.length + at)))));
  }
}
