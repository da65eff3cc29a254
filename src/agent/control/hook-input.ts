import { resolve } from "node:path";
import * as z from "zod/mini"; // this runs in hooks, and starts sooner so
import { TreewireError } from "../../util/index.js";

/** A hook's input repeats the file that was written. Bytes. */
const MAX_INPUT_BYTES = 64 * 1024 * 1024;

/**
 * What coding agents write to their hooks' standard input about an edit; other fields are passed over. Documented at
 * <https://docs.claude.com/en/docs/claude-code/hooks> (`PostToolUse`), <https://geminicli.com/docs/hooks/reference>
 * (`AfterTool`) and <https://cursor.com/docs/agent/hooks> (`afterFileEdit`).
 */
const inputSchema = z.object({
  session_id: z.optional(z.string()),
  conversation_id: z.optional(z.string()),
  cwd: z.optional(z.string()),
  file_path: z.optional(z.string()),
  tool_input: z.optional(z.object({ file_path: z.optional(z.string()), notebook_path: z.optional(z.string()) })),
});

/** An edit of a coding agent. */
export interface HookEdit {
  /** The session's id; `undefined`: the input names none. */
  chat: string | undefined;
  /** Absolute; none when the tool has touched no file. */
  paths: string[];
}

/** @param text a hook's input. @throws TreewireError `TW_BAD_USAGE` when it is none */
export function hookEdit(text: string): HookEdit {
  let input: z.infer<typeof inputSchema>;
  try {
    input = inputSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new TreewireError("TW_BAD_USAGE", "standard input", { detail: "no hook's input", cause: error });
  }
  const { tool_input: tool, file_path: edited, cwd = "." } = input;
  const path = tool?.file_path ?? tool?.notebook_path ?? edited;
  return { chat: input.session_id ?? input.conversation_id, paths: path === undefined ? [] : [resolve(cwd, path)] };
}

/** Reads what a hook is given. @throws TreewireError `TW_BAD_USAGE` when there is no end to it */
export async function readInput(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > MAX_INPUT_BYTES) {
      throw new TreewireError("TW_BAD_USAGE", "standard input", { detail: `over ${MAX_INPUT_BYTES} bytes` });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
