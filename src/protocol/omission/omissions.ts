import type { RepositoryChange } from "../client.js";
import type { TreeFile } from "../tree.js";
import { lacksHunks } from "../unified-diff.js";

/**
 * The fields of a repository that say what was left out of its diff (docs/protocol.md, "unified_diff").
 *
 * @param files as they were fitted
 * @param tooLargeBytes over 0: the diff is a sentence
 */
export function omissionsOf(
  files: readonly TreeFile[],
  tooLargeBytes: number,
): Pick<RepositoryChange, "truncated" | "omitted_files" | "omitted_directories"> {
  const short = files.filter(lacksHunks);
  const directories = files.filter((file) => file.omitted_files !== undefined);
  return {
    ...((short.length > 0 || directories.length > 0 || tooLargeBytes > 0) && { truncated: true as const }),
    ...(short.length > 0 && { omitted_files: short.map((file) => ({ path: file.path, bytes: file.omitted_bytes })) }),
    ...(directories.length > 0 && {
      omitted_directories: directories.map(({ path, omitted_files: count = 0, omitted_bytes: bytes }) => {
        return { path, files: count, bytes };
      }),
    }),
  };
}
