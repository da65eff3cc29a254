import { readdirSync, readFileSync } from "node:fs";

/** What a process holds of the system. */
export interface Holdings {
  /** Open files, sockets among them. */
  files: number;
  /** Watches of inotify. */
  watches: number;
  /** Memory that it uses, in bytes. */
  memory: number;
}

/** @param pid a process that runs */
export function holdingsOf(pid: number): Holdings {
  const files = readdirSync(`/proc/${pid}/fd`).length;
  let watches = 0;
  for (const descriptor of readdirSync(`/proc/${pid}/fdinfo`)) {
    try {
      watches += readFileSync(`/proc/${pid}/fdinfo/${descriptor}`, "utf8").split("\ninotify wd:").length - 1;
    } catch {
      // closed meanwhile
    }
  }
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return { files, watches, memory: Number(kibibytes) * 1_024 };
}
