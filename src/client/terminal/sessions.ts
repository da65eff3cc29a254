import { createHash } from "node:crypto";
import { readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { homeDirectory, MAX_SETTINGS_FILE_BYTES, makeDirectoriesSync, readRegularFile } from "../../util/index.js";

/** A session that a link has made: what is needed to watch the chat again without it. */
const sessionSchema = z.object({
  /** The relay's URL, without a slash at its end. */
  relay: z.string(),
  chat: z.string(),
  token: z.string(),
  /** Milliseconds since 1970. */
  expires_at: z.number(),
  /** The hash of the link's secret, by which the same link finds it again. */
  link: z.string(),
  used_at: z.number(),
});
export type Session = z.infer<typeof sessionSchema>;

/** The sessions of this user, each in a file for the user alone (docs/install.md, "Watching in a terminal"). */
export class Sessions {
  readonly #directory: string;

  /** @param environment says where state is kept (`XDG_STATE_HOME`) */
  constructor(environment: NodeJS.ProcessEnv = process.env) {
    const state = environment.XDG_STATE_HOME || join(homeDirectory(environment) ?? "/", ".local/state");
    this.#directory = join(state, "treewire/sessions");
  }

  /** Those that count, the one that was used last first. */
  list(): Session[] {
    return this.#names()
      .flatMap((name) => this.#read(name))
      .filter(({ expires_at }) => expires_at > Date.now())
      .sort((a, b) => b.used_at - a.used_at);
  }

  /** Keeps one, in the place of another of the same relay and chat. @throws the system's error */
  keep(session: Session): void {
    makeDirectoriesSync(this.#directory, 0o700);
    const path = this.#path(session);
    const scratch = `${path}.${process.pid}.new`;
    rmSync(scratch, { force: true });
    writeFileSync(scratch, `${JSON.stringify(session)}\n`, { mode: 0o600, flag: "wx" });
    renameSync(scratch, path);
  }

  /** It counts no longer. */
  forget(session: Pick<Session, "relay" | "chat">): void {
    rmSync(this.#path(session), { force: true });
  }

  #path({ relay, chat }: Pick<Session, "relay" | "chat">): string {
    return join(this.#directory, `${hashOf(`${relay} ${chat}`)}.json`);
  }

  #names(): string[] {
    try {
      return readdirSync(this.#directory).filter((name) => name.endsWith(".json"));
    } catch {
      return []; // there are none yet
    }
  }

  #read(name: string): Session[] {
    try {
      const text = readRegularFile(join(this.#directory, name), MAX_SETTINGS_FILE_BYTES).bytes.toString();
      return [sessionSchema.parse(JSON.parse(text))];
    } catch {
      return []; // of another version, or gone meanwhile
    }
  }
}

/** A name for a secret that says nothing of it. */
export function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
