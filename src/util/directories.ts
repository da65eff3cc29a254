import { mkdirSync, statSync } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/**
 * Makes a directory and those above it that are missing. Node's own `mkdir` with `recursive` never comes back where a
 * directory says that a new one's parent does not exist, as those below `/proc` do: it makes the parent again, without end
 * (libuv and Node.js 20).
 *
 * @param mode of each that is made, before the umask
 * @returns whether the directory was made
 * @throws the system's error of the first one that cannot be made
 */
export async function makeDirectories(path: string, mode = 0o777): Promise<boolean> {
  let isMade = false;
  for (const directory of lineage(path)) {
    isMade = false;
    if (await isDirectory(directory)) continue;
    try {
      await mkdir(directory, { mode });
      isMade = true;
    } catch (error) {
      if (!(await isDirectory(directory))) throw error; // otherwise somebody else was faster
    }
  }
  return isMade;
}

/** {@link makeDirectories}, before anything else goes on. @returns those that were made, from above @throws the system's error */
export function makeDirectoriesSync(path: string, mode = 0o777): string[] {
  const made: string[] = [];
  for (const directory of lineage(path)) {
    if (isDirectorySync(directory)) continue;
    try {
      mkdirSync(directory, { mode });
      made.push(directory);
    } catch (error) {
      if (!isDirectorySync(directory)) throw error;
    }
  }
  return made;
}

/** A path and those above it, from the root on. */
function lineage(path: string): string[] {
  const paths = [resolve(path)];
  for (let at = resolve(path); dirname(at) !== at; at = dirname(at)) paths.unshift(dirname(at));
  return paths;
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

function isDirectorySync(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
