import { exactRenames, fileName, isRegularFile } from "./exact-renames.js";
import { RENAME_SCORE, SAME_NAME_SCORE, scoreOf, toHundredths } from "./similarity.js";
import { commonBytes, SpanIndex, type Spans, spansOf } from "./spans.js";
import type { FileSide, Rename, RenameOptions } from "./types.js";

const DEFAULT_LIMIT = 1000;
/** For each addition, the best so many deletions are remembered. */
const CANDIDATES = 4;

/**
 * Finds the renames that git finds (`diff.renames=true`: no copies, no rewrites): by object id, then by similar content
 * under a file name that is unique on either side, then by similar content, the most similar first.
 *
 * Contents are read only for what the object ids leave open, once for each file; give {@link exactRenames} a try first
 * where reading has to be prepared.
 *
 * @param deleted tracked files that are gone, each path once
 * @param added tracked files that are new, each path once
 * @param options the limit, and which git's measure
 * @returns in the order of the paths they lead to; each file is in one rename at most
 * @throws what `content` of a side throws
 */
export function detectRenames(
  deleted: readonly FileSide[],
  added: readonly FileSide[],
  options: RenameOptions = {},
): Rename[] {
  const { limit = DEFAULT_LIMIT, countUnfinishedLine = false } = options;
  const exact = exactRenames(deleted, added);
  const matching = new Matching(exact.deleted, exact.added, countUnfinishedLine);
  matching.bySameName();
  matching.bySimilarity(limit);
  return [...exact.renames, ...matching.renames].sort((one, other) => (one.to.path < other.to.path ? -1 : 1));
}

interface Candidate {
  readonly source: number;
  readonly target: number;
  readonly score: number;
  readonly sameName: boolean;
}

/** Negative when `one` is the better candidate. */
function compareCandidates(one: Candidate, other: Candidate): number {
  return other.score - one.score || Number(other.sameName) - Number(one.sameName);
}

/** Deletions and additions without a counterpart of the same object id. */
class Matching {
  readonly renames: Rename[] = [];
  #sources: FileSide[];
  #targets: FileSide[];
  readonly #countUnfinishedLine: boolean;
  readonly #spans = new Map<FileSide, Spans>();

  constructor(sources: FileSide[], targets: FileSide[], countUnfinishedLine: boolean) {
    this.#sources = sources;
    this.#targets = targets;
    this.#countUnfinishedLine = countUnfinishedLine;
  }

  /** Pairs files that alone have their name among the deletions, and among the additions. */
  bySameName(): void {
    const sources = uniqueByName(this.#sources);
    const targets = uniqueByName(this.#targets);
    const pairs: [source: FileSide, target: FileSide, score: number][] = [];
    for (const source of this.#sources) {
      const name = fileName(source.path);
      const target = targets.get(name);
      if (sources.get(name) === undefined || target === undefined) continue;
      if (!isRegularFile(source) || !isRegularFile(target)) continue;
      const one = this.#spansOf(source);
      const other = this.#spansOf(target);
      const score = scoreOf(one, other, commonBytes(one, other), SAME_NAME_SCORE);
      if (score >= SAME_NAME_SCORE) pairs.push([source, target, score]);
    }
    for (const pair of pairs) this.#record(...pair);
    this.#dropRecorded();
  }

  /** Pairs what is left, the most similar first, unless there are too many pairs to compare. */
  bySimilarity(limit: number): void {
    const sources = this.#sources;
    const targets = this.#targets;
    if (sources.length === 0 || targets.length === 0) return;
    if (limit > 0 && sources.length * targets.length > limit * limit) return;

    const candidates = targets.flatMap(this.#candidatesOf(sources)).filter(({ score }) => score >= RENAME_SCORE);
    const used = new Set<FileSide>();
    for (const { source, target, score } of candidates.sort(compareCandidates)) {
      const from = sources[source];
      const to = targets[target];
      if (from === undefined || to === undefined || used.has(from) || used.has(to)) continue;
      used.add(from);
      used.add(to);
      this.#record(from, to, score);
    }
    this.#dropRecorded();
  }

  /** For one addition, the best deletions, in the order that git comes to have them in. */
  #candidatesOf(sources: readonly FileSide[]): (target: FileSide, index: number) => Candidate[] {
    const index = new SpanIndex(sources.map((source) => (isRegularFile(source) ? this.#spansOf(source) : NO_SPANS)));
    const names = sources.map(({ path }) => fileName(path));
    return (side, target) => {
      const best: Candidate[] = [];
      const spans = isRegularFile(side) ? this.#spansOf(side) : NO_SPANS;
      const common = index.commonBytes(spans);
      const name = fileName(side.path);
      let worst = 0;
      index.files.forEach((file, source) => {
        const score = scoreOf(file, spans, common[source] as number, RENAME_SCORE);
        const candidate: Candidate = { source, target, score, sameName: names[source] === name };
        if (best.length < CANDIDATES) best.push(candidate);
        else if (compareCandidates(candidate, best[worst] as Candidate) < 0) best[worst] = candidate;
        else return;
        worst = worstOf(best);
      });
      return best;
    };
  }

  #spansOf(side: FileSide): Spans {
    let spans = this.#spans.get(side);
    if (spans === undefined) {
      spans = spansOf(side, this.#countUnfinishedLine);
      this.#spans.set(side, spans);
    }
    return spans;
  }

  #record(from: FileSide, to: FileSide, score: number): void {
    this.renames.push({ from, to, similarity: toHundredths(score) });
  }

  #dropRecorded(): void {
    const used = new Set(this.renames.flatMap(({ from, to }) => [from, to]));
    this.#sources = this.#sources.filter((side) => !used.has(side));
    this.#targets = this.#targets.filter((side) => !used.has(side));
  }
}

const NO_SPANS: Spans = { size: 0, hashes: new Int32Array(0), bytes: new Int32Array(0) };

function worstOf(candidates: readonly Candidate[]): number {
  let worst = 0;
  candidates.forEach((candidate, i) => {
    if (compareCandidates(candidate, candidates[worst] as Candidate) > 0) worst = i;
  });
  return worst;
}

/** By file name, the file that alone has it; `undefined` where several have it. */
function uniqueByName(sides: readonly FileSide[]): Map<string, FileSide | undefined> {
  const unique = new Map<string, FileSide | undefined>();
  for (const side of sides) {
    const name = fileName(side.path);
    unique.set(name, unique.has(name) ? undefined : side);
  }
  return unique;
}
