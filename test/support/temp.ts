import "./environment.js";
import { mkdtempSync, realpathSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** What of a tap test the helpers need: a place to say what must be cleaned up, however the test ends. */
export interface Cleanup {
  teardown(handler: () => unknown): void;
}

/** A new, empty directory outside any repository, links resolved. It goes with the test. */
export function tempDir(t: Cleanup): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "treewire-test-")));
  t.teardown(() => rmSync(dir, { recursive: true, force: true, maxRetries: 3 }));
  return dir;
}

/** Has an agent show whatever a test makes: a relay may ask for nothing else than what is allowed. */
export const ALLOW_TEMP: NodeJS.ProcessEnv = { TREEWIRE_ALLOW_ROOT: realpathSync(tmpdir()) };

/** Whether every user may pass to what is in {@link tempDir}'s place: not when it is below a directory of one user's own. */
export function isTempOpen(): boolean {
  for (let dir = realpathSync(tmpdir()); ; dir = dirname(dir)) {
    if ((statSync(dir).mode & 0o001) === 0) return false;
    if (dir === dirname(dir)) return true;
  }
}
