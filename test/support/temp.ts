import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

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
