import { lstatSync, realpathSync } from "node:fs";
import { isAbsent, TreewireError } from "../util/index.js";
import type { Config } from "./config/config.js";
import { expandHome } from "./config/user-files.js";
import type { Discovery } from "./discover.js";
import { unreadable } from "./io/files.js";

/**
 * Refuses a repository of another user, as git does since CVE-2022-24765: its configuration names programs, which
 * would run as the user that looks at it. Rules: `safe.directory` in <https://git-scm.com/docs/git-config>.
 *
 * @param user the configuration of user and system; the repository's own does not count
 * @throws TreewireError `TW_UNTRUSTED_REPOSITORY`
 */
export function checkOwnership({ top, gitDir }: Discovery, user: () => Config, environment: NodeJS.ProcessEnv): void {
  if ([`${top}/.git`, top, gitDir].every((path) => isOwned(path, environment))) return;
  let trusted = false;
  for (const value of user().all("safe.directory")) {
    if (value === "") trusted = false;
    else if (value === "*" || isWithin(top, expandHome(value, environment))) trusted = true;
  }
  if (!trusted) throw new TreewireError("TW_UNTRUSTED_REPOSITORY", top);
}

/** @param trusted a directory, or with a `*` behind the last slash everything below it */
function isWithin(top: string, trusted: string): boolean {
  if (trusted.endsWith("/*")) return top.startsWith(trusted.slice(0, -1));
  if (top === trusted) return true;
  try {
    return realpathSync(trusted) === top;
  } catch (thrown) {
    if (isAbsent(thrown)) return false;
    throw unreadable(trusted, thrown);
  }
}

function isOwned(path: string, environment: NodeJS.ProcessEnv): boolean {
  const user = process.geteuid?.();
  if (user === undefined) return true;
  let owner: number;
  try {
    owner = lstatSync(path).uid;
  } catch (thrown) {
    throw unreadable(path, thrown);
  }
  // A user who became root by sudo may read their own repositories.
  return owner === user || (user === 0 && owner === Number(environment.SUDO_UID ?? Number.NaN));
}
