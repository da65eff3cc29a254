import { type AgentMessage, type Answer, TREE_MESSAGE_PART_BYTES } from "../../protocol/index.js";
import { fittingPrefix } from "../trees/json-size.js";

/** Of a part besides its data: the names of its fields, and an id. */
const MARGIN_BYTES = 128;

/** An answer in parts of at most {@link TREE_MESSAGE_PART_BYTES}, so that heartbeats and edits go between them. */
export function* answerMessages(id: number, answer: Answer): Generator<AgentMessage, void> {
  const json = JSON.stringify(answer);
  for (let at = 0; ; ) {
    const { end } = fittingPrefix(json, at, TREE_MESSAGE_PART_BYTES - MARGIN_BYTES);
    const more = end < json.length;
    yield { type: "answer", id, data: json.slice(at, end), more };
    if (!more) return;
    at = end;
  }
}
