import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Cleanup } from "./temp.js";

/** Why nothing can be mounted here; `false`: it can. */
export const NO_MOUNTS: string | false = tryToMount() ? false : "nothing may be mounted here: that takes CAP_SYS_ADMIN";

function tryToMount(): boolean {
  const dir = mkdtempSync(join(tmpdir(), "treewire-mount-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "none", dir]).status === 0;
  if (mounted) execFileSync("umount", [dir]);
  rmSync(dir, { recursive: true });
  return mounted;
}

/** Mounts an empty file system over a directory. It goes with the test, if not before. @returns what unmounts it */
export function mountEmpty(t: Cleanup, over: string): () => void {
  return mount(t, over, "-t", "tmpfs", "none");
}

/** Mounts a file or directory over another one. It goes with the test, if not before. @returns what unmounts it */
export function mountBind(t: Cleanup, source: string, over: string): () => void {
  return mount(t, over, "--bind", source);
}

function mount(t: Cleanup, over: string, ...how: string[]): () => void {
  execFileSync("mount", [...how, over]);
  let isMounted = true;
  const unmount = (): void => {
    if (isMounted) spawnSync("umount", ["-l", over]); // it may have gone with the one that it lay in
    isMounted = false;
  };
  t.teardown(unmount);
  return unmount;
}
