import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * A file of this package. The build bundles modules into files of other folders, so that a module's own place says nothing
 * about where another file is; everything that reads or starts one asks here.
 *
 * @param path relative to the folder of `package.json`
 * @returns the absolute path
 */
export function packagePath(path: string): string {
  return join(root, path);
}

const root = findRoot(import.meta.dirname);

function findRoot(from: string): string {
  return existsSync(join(from, "package.json")) ? from : findRoot(dirname(from));
}
