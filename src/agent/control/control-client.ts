import { existsSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
import { type ControlReply, type ControlRequest, controlReplySchema } from "../../protocol/index.js";
import { messageOf, systemCode, TreewireError } from "../../util/index.js";

/** How long the agent may take to answer, in milliseconds. */
const ANSWER_MS = 30_000;
/** An agent that crashed is started again: its commands wait so long for it. Milliseconds. */
const CRASHED_PATIENCE_MS = 10_000;
/** One that left in good order may be restarted, or stopped for good: hooks should not wait long. Milliseconds. */
const LEFT_PATIENCE_MS = 3_000;
const RETRY_MS = 100;
const CRASHED: ReadonlySet<string> = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "EAGAIN"]);

/**
 * Asks the agent that listens on a control socket.
 *
 * @returns its reply, other than an error
 * @throws TreewireError `TW_NO_AGENT`; and an `Error` in the agent's own words when it refused
 */
export async function askAgent(
  path: string,
  request: ControlRequest,
): Promise<Exclude<ControlReply, { type: "error" }>> {
  const reply = await askPatiently(path, `${JSON.stringify(request)}\n`);
  if (reply.type === "error") throw new AgentRefusal(reply.message);
  return reply;
}

/** What the agent said in refusal: one line, which is for people as it is. */
export class AgentRefusal extends Error {}

async function askPatiently(path: string, line: string): Promise<ControlReply> {
  const started = performance.now();
  for (;;) {
    try {
      return await askOnce(path, line);
    } catch (error) {
      const code = systemCode(error) ?? messageOf(error);
      if (performance.now() - started > patience(code, path)) {
        throw new TreewireError("TW_NO_AGENT", path, { detail: code, cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** How long to wait for an agent to return, in milliseconds. */
function patience(code: string, path: string): number {
  if (CRASHED.has(code)) return CRASHED_PATIENCE_MS;
  // its directory without its socket: it has run, and left
  return code === "ENOENT" && existsSync(dirname(path)) ? LEFT_PATIENCE_MS : 0;
}

function askOnce(path: string, line: string): Promise<ControlReply> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(path);
    socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error("no answer in time")));
    socket.on("error", reject);
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("close", () => {
      try {
        resolve(controlReplySchema.parse(JSON.parse(Buffer.concat(chunks).toString())));
      } catch {
        // it ended while it was asked: as if it had not been there
        reject(Object.assign(new Error("the agent ended"), { code: "ECONNRESET" }));
      }
    });
    socket.write(line);
  });
}
