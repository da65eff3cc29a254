import { join } from "node:path";
import Database from "libsql";
import { openDatabase } from "../../../../src/relay/store/sqlite/database.js";
import { StoreWriter } from "../../../../src/relay/store/sqlite/writer.js";
import { type Logger, silentLogger } from "../../../../src/util/index.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { type Cleanup, tempDir } from "../../../support/temp.js";

/** A writer over a real database, which a second connection can lock. */
export function openLockable(t: Cleanup, log: Logger = silentLogger(), sync?: () => Promise<void>) {
  const dir = tempDir(t);
  const db = openDatabase(dir);
  db.pragma("busy_timeout = 0");
  const clock = new FakeClock();
  const writer = new StoreWriter(db, log, clock, sync);
  const other = new Database(join(dir, "treewire.db"));
  t.teardown(() => {
    other.close();
    db.close();
  });
  return { db, clock, writer, other };
}
