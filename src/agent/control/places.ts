import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { homeDirectory, systemCode, userId, userName } from "../../util/index.js";

/**
 * Where the agent remembers: the directory that systemd made for it (`StateDirectory=`), else that of the XDG base
 * directory specification (<https://specifications.freedesktop.org/basedir-spec/latest/>), for which `/` is the home of who has none.
 */
export function defaultStateDir(env: NodeJS.ProcessEnv = process.env): string {
  return env.STATE_DIRECTORY || join(env.XDG_STATE_HOME || join(homeDirectory() ?? "/", ".local/state"), "treewire");
}

/**
 * Where the control socket may be, the likeliest first: in the directory that systemd made for the service
 * (`RuntimeDirectory=`), in the user's runtime directory, or beside what the agent remembers.
 */
export function socketCandidates(stateDir: string, env: NodeJS.ProcessEnv = process.env): string[] {
  const ofInstance = `/run/treewire-agent-${userName()}`;
  return [
    env.RUNTIME_DIRECTORY,
    env.XDG_RUNTIME_DIR && join(env.XDG_RUNTIME_DIR, "treewire"),
    existsSync(ofInstance) ? ofInstance : undefined,
    stateDir,
  ].flatMap((dir) => (dir ? join(dir, "agent.sock") : []));
}

/** Where a command finds the agent: the first candidate that is there, else the first. */
export function socketToAsk(stateDir: string, env: NodeJS.ProcessEnv = process.env): string {
  const candidates = socketCandidates(stateDir, env);
  return candidates.find((path) => existsSync(path)) ?? candidates[0] ?? join(stateDir, "agent.sock");
}

/**
 * Claims a state directory for this process. The claim is a name among Linux's abstract sockets: it goes with the
 * process, however that ends, so that nothing stale can stay behind. On other systems every claim succeeds.
 *
 * @returns gives it back; `undefined` when another process has it
 */
export async function claim(stateDir: string): Promise<(() => void) | undefined> {
  if (process.platform !== "linux") return () => {};
  const name = createHash("sha256")
    .update(`${userId()}\0${resolve(stateDir)}`)
    .digest("hex");
  const server = createServer((socket) => socket.destroy());
  try {
    await new Promise<void>((done, failed) => {
      server.once("error", failed);
      server.listen(`\0treewire-agent-${name}`, done);
    });
  } catch (error) {
    if (systemCode(error) === "EADDRINUSE") return undefined;
    throw error;
  }
  server.unref();
  return () => server.close();
}
