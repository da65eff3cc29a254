import { lstatSync } from "node:fs";
import {
  type FilterPolicy,
  fileSystemPath,
  type Oid,
  openRepository,
  type Repository,
  WorkFileChangedError,
} from "../../git/index.js";
import type { WantedComparison } from "../../protocol/index.js";
import { isAbsent, TreewireError } from "../../util/index.js";
import type { ComparedState } from "../comparison/compared-state.js";
import { type CommitPage, CommitReader } from "../comparison/read-commits.js";

/** Where a repository is that is asked about. */
export interface AskedPlace {
  readonly root: string;
  /** The directory that holds `.git`. */
  readonly top: string;
}

/** What is asked of a repository, whether or not it is followed. */
export type RepositoryQuestion =
  | { readonly kind: "commits"; readonly wanted: WantedComparison; readonly page: CommitPage }
  /** The content of a blob. `path`: of the file on disk, which has to have this id. Byte path. */
  | { readonly kind: "content"; readonly oid: Oid; readonly path: string | undefined; readonly maxBytes: number };

/** What was found; `changed`: the file on disk is another one; `too-large`: it has more bytes than were allowed. */
export type RepositoryAnswer =
  | { readonly kind: "commits"; readonly compared: ComparedState }
  | { readonly kind: "content"; readonly content: Uint8Array }
  | { readonly kind: "changed" }
  | { readonly kind: "too-large" };

/** @throws TreewireError as opening a repository and reading its objects do */
export async function answerQuestion(
  { root, top }: AskedPlace,
  question: RepositoryQuestion,
  { filters, allowed }: { readonly filters: FilterPolicy; readonly allowed: readonly string[] | undefined },
): Promise<RepositoryAnswer> {
  const repository = openRepository(top, process.env, filters, allowed && [...allowed, root]);
  if (repository.root !== root) throw new TreewireError("TW_NOT_A_REPOSITORY", root);
  if (question.kind === "commits") {
    return { kind: "commits", compared: await new CommitReader(repository).read(question.wanted, question.page) };
  }
  const { path, oid, maxBytes } = question;
  if (path !== undefined) return readFile(repository, path, oid, maxBytes);
  if (repository.blobSize(oid) > maxBytes) return { kind: "too-large" };
  return { kind: "content", content: repository.readBlob(oid) };
}

async function readFile(repository: Repository, path: string, oid: Oid, maxBytes: number): Promise<RepositoryAnswer> {
  try {
    const stats = lstatSync(fileSystemPath(repository.root, path));
    if (!stats.isFile() && !stats.isSymbolicLink()) return { kind: "changed" };
    if (stats.size > maxBytes) return { kind: "too-large" };
    const index = repository.index();
    const position = index.find(path);
    const clean = await repository.clean(path, stats, position < 0 ? undefined : index.oid(position));
    if (clean.oid !== oid) return { kind: "changed" };
    return clean.contentSize > maxBytes ? { kind: "too-large" } : { kind: "content", content: clean.content() };
  } catch (error) {
    if (isAbsent(error) || error instanceof WorkFileChangedError) return { kind: "changed" };
    throw error;
  }
}
