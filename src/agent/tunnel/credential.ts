import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { systemCode, TreewireError } from "../../util/index.js";

/** Whether a file is one that systemd handed over: it stays as it is for as long as the process runs. */
export function isCredential(path: string, env: NodeJS.ProcessEnv = process.env): boolean {
  const directory = env.CREDENTIALS_DIRECTORY;
  return directory !== undefined && directory !== "" && !relative(directory, resolve(path)).startsWith("..");
}

/**
 * systemd hands a service its credentials when it starts, and not again (systemd.exec(5), `LoadCredential=`): a token
 * that was replaced meanwhile is seen by the next process alone. Which token was rejected last is therefore remembered,
 * as its hash, in the runtime directory, which outlives restarts: another one is worth a restart, the same one is not.
 *
 * @param error why the agent cannot go on
 * @param tokenPath the file that the rejected token came from
 * @param token the rejected one
 * @returns the error with which to leave: `TW_TOKEN_OUTDATED`, after which the unit starts the agent again, or `error`
 */
export function afterRejection(
  error: TreewireError,
  tokenPath: string,
  token: string,
  env: NodeJS.ProcessEnv = process.env,
): TreewireError {
  const runtime = env.RUNTIME_DIRECTORY;
  if (!runtime || !isCredential(tokenPath, env)) return error;
  const hash = createHash("sha256").update(token).digest("hex");
  const memory = join(runtime, "rejected-token");
  if (rememberedIn(memory) === hash) return error;
  writeFileSync(memory, hash, { mode: 0o600 });
  return new TreewireError("TW_TOKEN_OUTDATED", error.subject, { cause: error });
}

function rememberedIn(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
