import type { Link } from "../../src/agent/trees/link.js";
import type { AgentMessage, TreeMessage } from "../../src/protocol/index.js";

/** A link that takes everything at once. */
export class TestLink implements Link {
  readonly messages: AgentMessage[] = [];
  readonly cutsFiles: boolean;

  constructor(cutsFiles = true) {
    this.cutsFiles = cutsFiles;
  }

  send(message: AgentMessage): void {
    this.messages.push(message);
  }

  stream(messages: Iterator<AgentMessage, void>): void {
    for (let next = messages.next(); next.done !== true; next = messages.next()) this.messages.push(next.value);
  }

  /** The messages of one kind so far. */
  all<T extends AgentMessage["type"]>(type: T): Extract<AgentMessage, { type: T }>[] {
    return this.messages.filter((message): message is Extract<AgentMessage, { type: T }> => message.type === type);
  }

  get trees(): TreeMessage[] {
    return this.all("tree");
  }

  get last(): TreeMessage {
    const last = this.trees.at(-1);
    if (last === undefined) throw new Error("no tree message was sent");
    return last;
  }
}
