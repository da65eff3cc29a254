import { homedir, userInfo } from "node:os";

/**
 * The user's home: `HOME`, else what the system's table of users says.
 * @returns `undefined` where neither has one, as in a container that is run as a user whom its image does not know
 */
export function homeDirectory(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  return environment.HOME || (environment === process.env ? known(homedir) : undefined);
}

/** The user's name, or, where the system's table of users lacks it, the number. */
export function userName(): string {
  return known(() => userInfo().username) ?? String(userId());
}

/** The user's number; -1 on systems without such. */
export function userId(): number {
  return process.getuid?.() ?? -1;
}

function known<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch {
    return undefined; // Node asks the table and throws what it says: there is no such user
  }
}
