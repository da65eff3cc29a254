import { open } from "node:fs/promises";
import type Database from "libsql";
import { z } from "zod";
import { coalesce, systemCode } from "../../../util/index.js";
import { StoreUnavailableError } from "../trouble.js";

const filesSchema = z.array(z.object({ name: z.string(), file: z.string() }));

/** What a file system says at the latest when it is asked to have on disk what it had no room for. */
const FULL = new Set(["ENOSPC", "EDQUOT"]);

/**
 * Has on disk what a connection in WAL mode has committed without waiting for the disk (`synchronous = NORMAL`). That takes
 * milliseconds, of a slow disk many, and SQLite would wait for them in the event loop. A commit is in the log when it returns
 * (or, after a checkpoint, which syncs both files, in the database): with the log it is on disk.
 *
 * @returns what to call behind a commit, and to wait for; calls at the same time share a sync. Rejects with a
 *   {@link StoreUnavailableError}
 */
export function walSync(db: Database.Database): () => Promise<void> {
  const main = filesSchema.parse(db.prepare("pragma database_list").all()).find(({ name }) => name === "main");
  const path = `${main?.file}-wal`;
  return coalesce(async () => {
    try {
      const log = await open(path, "r");
      try {
        await log.datasync();
      } finally {
        await log.close();
      }
    } catch (thrown) {
      const code = systemCode(thrown) ?? "";
      // the last connection to be closed writes everything into the database, syncs that, and takes the log away
      if (code === "ENOENT" && !db.open) return;
      throw new StoreUnavailableError(FULL.has(code) ? "full" : "failing", { cause: thrown });
    }
  });
}
