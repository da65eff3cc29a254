import { deflateSync } from "node:zlib";
import type { HistorySource, Oid } from "../../src/git/index.js";
import { TreewireError } from "../../src/util/index.js";

/** What isomorphic-git asks a file system for, of which nothing writes. */
export interface ObjectFs {
  readonly promises: Readonly<Record<Reading, (path: string, options?: unknown) => Promise<unknown>>> &
    Readonly<Record<Writing, () => Promise<never>>>;
}

type Reading = "readFile" | "readdir" | "stat" | "lstat" | "readlink";
type Writing = "writeFile" | "mkdir" | "rmdir" | "rm" | "unlink" | "symlink";

/**
 * The objects of a repository as loose ones, for isomorphic-git: whatever pack or alternate they are in, they are read by
 * this program's own reader, one at a time, and no pack is ever listed, which isomorphic-git would read whole. There is
 * nothing else: no refs, no index, no configuration. Every write is refused.
 *
 * Isomorphic-git hashes what it reads, so that a replaced object is refused by it.
 *
 * @param gitDir the name that isomorphic-git is given as `gitdir`; nothing is at that path
 */
export function objectFs(source: HistorySource, gitDir: string): ObjectFs {
  const absent = async (path: string): Promise<never> => {
    throw systemError("ENOENT", path);
  };
  const refuse = async (): Promise<never> => {
    throw systemError("EROFS", gitDir);
  };
  const readFile = async (path: string): Promise<Uint8Array> => {
    const oid = oidOf(path, gitDir);
    if (oid === undefined) return absent(path);
    try {
      const { type, content } = source.object(oid);
      // stored as it is: it is inflated again at once
      return deflateSync(Buffer.concat([Buffer.from(`${type} ${content.length}\0`), content]), { level: 0 });
    } catch (thrown) {
      const isMissing = thrown instanceof TreewireError && /missing from/.test(thrown.message);
      throw isMissing ? systemError("ENOENT", path) : thrown;
    }
  };
  const writing = { writeFile: refuse, mkdir: refuse, rmdir: refuse, rm: refuse, unlink: refuse, symlink: refuse };
  const readdir = async (path: string): Promise<string[]> => (path === `${gitDir}/objects/pack` ? [] : absent(path));
  return { promises: { readFile, readdir, stat: absent, lstat: absent, readlink: absent, ...writing } };
}

/** The object that a path of `objects` names. */
function oidOf(path: string, gitDir: string): Oid | undefined {
  const start = `${gitDir}/objects/`;
  const [, first, rest] =
    /^([0-9a-f]{2})\/([0-9a-f]{38})$/.exec(path.startsWith(start) ? path.slice(start.length) : "") ?? [];
  return first === undefined || rest === undefined ? undefined : first + rest;
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
