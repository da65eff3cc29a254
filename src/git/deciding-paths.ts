import { TreewireError } from "../util/index.js";
import { userConfigFiles } from "./config/user-files.js";
import { absoluteFilePath, type BytePath, bytesOfText, pathFrom } from "./io/byte-path.js";
import { readIfAllowed } from "./io/files.js";

/**
 * The files and directories that decide which repository a directory holds, if any: what `.git` is, the git directory
 * that it names, the common directory that this names, and what makes these a repository. As far as the pointer files
 * can be followed now: when one of the paths changes, ask again.
 *
 * @param directory absolute byte path
 * @returns absolute byte paths, as they are spelled in the pointer files; those that are not there, too
 */
export function decidingPaths(directory: BytePath): BytePath[] {
  const { dotGit, gitDir, commonDir } = places(directory);
  const inGitDir = ["HEAD", "commondir"].map((name) => `${gitDir}/${name}`);
  return [dotGit, ...inGitDir, ...["objects", "refs"].map((name) => `${commonDir}/${name}`)];
}

/**
 * The files of which the settings decide how the repository at a directory is opened, and whether it is: where its
 * working tree is, its format, and who is trusted. Absolute byte paths, like {@link decidingPaths}.
 */
export function decidingSettings(directory: BytePath, environment: NodeJS.ProcessEnv = process.env): BytePath[] {
  const { gitDir, commonDir } = places(directory);
  return [`${commonDir}/config`, `${gitDir}/config.worktree`, ...userConfigFiles(environment).map(bytesOfText)];
}

function places(directory: BytePath): { dotGit: BytePath; gitDir: BytePath; commonDir: BytePath } {
  const dotGit = `${directory}/.git`;
  const gitDir = pointer(dotGit, /^gitdir: (.*?)[\r\n]*$/s, directory) ?? dotGit;
  return { dotGit, gitDir, commonDir: pointer(`${gitDir}/commondir`, /^(.*?)\s*$/s, gitDir) ?? gitDir };
}

/** The path in a pointer file; `undefined` when there is no such file, or no path in it. */
function pointer(path: BytePath, syntax: RegExp, base: BytePath): BytePath | undefined {
  let text: string | undefined;
  try {
    text = readIfAllowed(absoluteFilePath(path))?.bytes.toString("latin1");
  } catch (thrown) {
    if (!(thrown instanceof TreewireError)) throw thrown;
  }
  const target = text === undefined ? undefined : syntax.exec(text)?.[1];
  return target === undefined || target === "" ? undefined : pathFrom(base, target);
}
