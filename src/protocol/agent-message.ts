import { ArrivedTexts } from "./arrived-texts.js";
import { exceedsShape } from "./json-shape.js";
import { MAX_PART_ELEMENTS } from "./limits.js";
import { isPlainTreeMessage } from "./plain-tree-message.js";
import { type AgentMessage, agentMessageSchema } from "./tunnel.js";

/** Shorter frames are not looked at before they are parsed: what they can hold costs little. UTF-16 units. */
const MIN_LOOKED_AT_UNITS = 16 * 1024;
/** The values of a part with the most elements, and room for the fields of its files. */
const MAX_VALUES = 2 * MAX_PART_ELEMENTS;
/** A message, its list, a file, and room for what comes later. */
const MAX_DEPTH = 8;

/** A message of an agent. */
export interface ArrivedMessage {
  message: AgentMessage;
  /** There with nearly every `tree` message: what its files' texts came as. */
  texts?: ArrivedTexts;
}

/**
 * Reads a frame of an agent's tunnel. The work is bounded by what an honest frame of the same length takes: a frame of more
 * values than any message has is not parsed, lists are measured before they are read, and the first wrong element ends it.
 *
 * @param frame valid UTF-8
 * @returns `undefined` when it is no message of the protocol
 */
export function readAgentFrame(frame: Buffer): ArrivedMessage | undefined {
  const text = frame.toString("utf8");
  const message = readAgentMessage(text);
  if (message?.type !== "tree") return message && { message };
  return { message, texts: new ArrivedTexts(frame, text, message) };
}

/** The same for a frame that was decoded. */
export function readAgentMessage(text: string): AgentMessage | undefined {
  if (text.length > MIN_LOOKED_AT_UNITS && exceedsShape(text, MAX_VALUES, MAX_DEPTH)) return undefined;
  try {
    return agentMessageOf(JSON.parse(text));
  } catch {
    return undefined; // no JSON: the caller counts and logs it
  }
}

/** The same for a value that `JSON.parse` made. */
export function agentMessageOf(value: unknown): AgentMessage | undefined {
  return isPlainTreeMessage(value) ? value : agentMessageSchema.safeParse(value).data;
}
