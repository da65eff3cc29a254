import { join } from "node:path";
import { homeDirectory } from "../../util/index.js";
import { truth } from "./config.js";

/** `$XDG_CONFIG_HOME/git/NAME`, or the same below `~/.config`; `undefined` without a home. */
export function xdgConfigFile(name: string, environment: NodeJS.ProcessEnv): string | undefined {
  const xdg = environment.XDG_CONFIG_HOME;
  if (xdg) return join(xdg, "git", name);
  const home = homeDirectory(environment);
  return home === undefined ? undefined : join(home, ".config", "git", name);
}

/** Whether the environment turns the system-wide configuration off. */
function skipsSystemFiles(environment: NodeJS.ProcessEnv): boolean {
  return truth(environment.GIT_CONFIG_NOSYSTEM ?? "") === true;
}

/** System and user configuration, least important first; absolute. */
export function userConfigFiles(environment: NodeJS.ProcessEnv): string[] {
  const files: (string | undefined)[] = [];
  if (!skipsSystemFiles(environment)) files.push(environment.GIT_CONFIG_SYSTEM ?? "/etc/gitconfig");
  if (environment.GIT_CONFIG_GLOBAL !== undefined) files.push(environment.GIT_CONFIG_GLOBAL);
  else {
    const home = homeDirectory(environment);
    files.push(xdgConfigFile("config", environment), home === undefined ? undefined : join(home, ".gitconfig"));
  }
  return files.filter((path): path is string => path !== undefined && path !== "");
}

/** Puts the user's home in place of a leading `~`. */
export function expandHome(path: string, environment: NodeJS.ProcessEnv): string {
  const home = homeDirectory(environment);
  return home !== undefined && (path === "~" || path.startsWith("~/")) ? `${home}${path.slice(1)}` : path;
}
