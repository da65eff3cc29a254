import { type BytePath, bytesOfText, type HistorySource } from "../git/index.js";
import { findRevision, type Revision, type RevisionSource } from "./revisions.js";

/** What of a repository decides which ref a branch is compared with. */
export type BaseRefSource = RevisionSource & Pick<HistorySource, "setting" | "settings" | "settingNames">;

/** The ref that a branch is compared with, or why there is none. */
export type BaseRef = { kind: "found"; revision: Revision } | { kind: "none"; why: "default-branch" | "no-base" };

const HEADS = "refs/heads/";
const REMOTES = "refs/remotes/";

/**
 * Finds the ref that the current branch is compared with: the first that is there of
 *
 * 1. what the chat says
 * 2. `branch.<name>.gh-merge-base`, of the branch's remote before a local one
 * 3. the default branch of its remote (`refs/remotes/<remote>/HEAD`)
 * 4. `main` and `master` of its remote
 * 5. the local `init.defaultBranch`, `main`, `master`
 *
 * The default branch itself, by 3 to 5, is compared with its upstream: its commits that are not pushed. The network is
 * never asked.
 *
 * @param branch short name, one character per byte; `undefined` when HEAD is detached
 * @param hint a ref that the chat names, as text
 */
export function findBaseRef(source: BaseRefSource, branch: BytePath | undefined, hint?: string): BaseRef {
  const remote = remoteOf(source, branch);
  const said = [hint, ...mergeBases(source, branch, remote)];
  for (const name of said) {
    const revision = name === undefined || name === "" ? undefined : findRevision(source, name);
    if (revision !== undefined) return { kind: "found", revision };
  }
  const main = defaultBranch(source, remote);
  if (main === undefined) return { kind: "none", why: "no-base" };
  if (main.branch !== branch) return { kind: "found", revision: main.revision };
  const upstream = upstreamOf(source, branch);
  return upstream === undefined ? { kind: "none", why: "default-branch" } : { kind: "found", revision: upstream };
}

/** The branch's own remote, else the only one, else `origin`. `.` is this repository, and no remote. */
function remoteOf(source: BaseRefSource, branch: BytePath | undefined): string {
  const own = branch === undefined ? undefined : source.setting(branchSetting(branch, "remote"));
  if (own !== undefined && own !== "" && own !== ".") return own;
  const names = new Set(
    source.settingNames("remote.").flatMap((name) => /^remote\.(.+)\.[^.]+$/s.exec(name)?.[1] ?? []),
  );
  const [first, ...others] = names;
  return first !== undefined && others.length === 0 ? first : "origin";
}

function mergeBases(source: BaseRefSource, branch: BytePath | undefined, remote: string): string[] {
  const name = branch === undefined ? undefined : source.setting(branchSetting(branch, "gh-merge-base"));
  return name === undefined || name === "" ? [] : [`${REMOTES}${remote}/${name}`, name];
}

/** The branch that others start from, and its name without remote. */
function defaultBranch(source: BaseRefSource, remote: string): { revision: Revision; branch: BytePath } | undefined {
  const prefix = bytesOfText(`${REMOTES}${remote}/`);
  for (const name of ["HEAD", "main", "master"]) {
    const revision = revisionOf(source, `${prefix}${name}`);
    if (revision === undefined) continue;
    const { ref } = revision;
    return { revision, branch: ref.startsWith(prefix) ? ref.slice(prefix.length) : ref };
  }
  for (const name of [source.setting("init.defaultbranch"), "main", "master"]) {
    if (name === undefined || name === "") continue;
    const branch = bytesOfText(name);
    const revision = revisionOf(source, `${HEADS}${branch}`);
    if (revision !== undefined) return { revision, branch };
  }
  return undefined;
}

/** What a branch follows, where `remote.<name>.fetch` puts it. Rules: <https://git-scm.com/docs/git-fetch>. */
function upstreamOf(source: BaseRefSource, branch: BytePath): Revision | undefined {
  const remote = source.setting(branchSetting(branch, "remote"));
  const merge = source.setting(branchSetting(branch, "merge"));
  if (remote === undefined || merge === undefined || merge === "") return undefined;
  const ref = bytesOfText(merge);
  if (remote === ".") return revisionOf(source, ref);
  for (const spec of source.settings(`remote.${remote}.fetch`)) {
    const tracking = trackingRef(bytesOfText(spec), ref);
    if (tracking !== undefined) return revisionOf(source, tracking);
  }
  return undefined;
}

/** Where a refspec puts a ref of the remote; `undefined` when it does not fetch it. */
function trackingRef(spec: BytePath, ref: BytePath): BytePath | undefined {
  const [, from, to] = /^\+?([^:^]+):(.+)$/s.exec(spec) ?? [];
  if (from === undefined || to === undefined) return undefined;
  if (!from.includes("*")) return from === ref ? to : undefined;
  const [start = "", end = ""] = from.split("*");
  const isMatch = ref.length >= start.length + end.length && ref.startsWith(start) && ref.endsWith(end);
  return isMatch ? to.replace("*", () => ref.slice(start.length, ref.length - end.length)) : undefined;
}

function revisionOf(source: BaseRefSource, ref: BytePath): Revision | undefined {
  const found = source.ref(ref);
  return found?.oid === undefined ? undefined : { ref: found.ref ?? ref, oid: found.oid };
}

/** Settings are text: a branch whose name is none has none. */
function branchSetting(branch: BytePath, key: string): string {
  return `branch.${Buffer.from(branch, "latin1").toString()}.${key}`;
}
