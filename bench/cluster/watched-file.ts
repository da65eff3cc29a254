import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { startProgram } from "../../test/support/program.js";
import { createRepo } from "../../test/support/repo.js";
import { ALLOW_TEMP, type Cleanup, tempDir } from "../../test/support/temp.js";

/** The tree is quiet before an edit, in milliseconds. */
const QUIET_MS = 100;
const FILE = "file";

/** A file in a working tree that a real agent shows, and a viewer of it in this process. */
export class WatchedFile {
  readonly #path: string;
  #edit = 0;
  #wanted = "\n";
  #shown: () => void = () => undefined;

  private constructor(path: string, viewer: WebSocket) {
    this.#path = path;
    viewer.on("message", (data) => {
      if (String(data).includes(this.#wanted)) this.#shown();
    });
    viewer.on("error", (error) => {
      throw error;
    });
  }

  /** @param options `agentAt`, `viewerAt`: URLs of relays; a chat is bound to the agent's workspace */
  static async start(
    t: Cleanup,
    options: { agentAt: string; agentToken: string; viewerAt: string; viewerToken: string; chat: string },
  ): Promise<WatchedFile> {
    const { agentAt, agentToken, viewerAt, viewerToken, chat } = options;
    const { root } = createRepo(t, { [FILE]: "before\n" });
    const tokenFile = join(tempDir(t), "token");
    writeFileSync(tokenFile, `${agentToken}\n`, { mode: 0o600 });
    startProgram(t, "agent", ["--relay", agentAt, "--token-file", tokenFile, "--root", root], { env: ALLOW_TEMP });
    const viewer = await openWhenThere(`${viewerAt}/chats/${chat}/git/watch`, viewerToken);
    t.teardown(() => viewer.terminate());
    const watched = new WatchedFile(join(root, FILE), viewer);
    await watched.edit();
    return watched;
  }

  /** @returns from the write until the viewer is shown it, in milliseconds */
  async edit(): Promise<number> {
    await sleep(QUIET_MS);
    this.#edit += 1;
    const text = `edit ${String(this.#edit).padStart(9, "0")}`;
    this.#wanted = `+${text}`;
    const shown = new Promise<void>((resolve) => {
      this.#shown = resolve;
    });
    const startedAt = performance.now();
    writeFileSync(this.#path, `${text}\n`);
    await shown;
    return performance.now() - startedAt;
  }
}

/** Tries until the agent is there: before, the relay refuses. */
async function openWhenThere(url: string, token: string): Promise<WebSocket> {
  for (;;) {
    const viewer = new WebSocket(url, { headers: { "coder-session-token": token }, perMessageDeflate: false });
    try {
      await once(viewer, "open");
      return viewer;
    } catch {
      await sleep(QUIET_MS);
    }
  }
}
