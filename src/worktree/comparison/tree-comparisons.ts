import { comparisonKey, type FileChanges, type TreeFile, type WantedComparison } from "../../protocol/index.js";
import type { ComparedState } from "./compared-state.js";
import { type ComparisonParts, type PassResult, TreeComparison } from "./tree-comparison.js";

/** What a pass made of one comparison. */
export interface ComparisonOutcome {
  readonly state: ComparedState;
  readonly filesBefore: readonly TreeFile[];
  readonly files: readonly TreeFile[];
  /** What leads from the files before to these. */
  readonly changes: FileChanges;
}

/** The comparisons that are kept true beside the diff against HEAD, as long as somebody wants them. */
export class TreeComparisons {
  readonly #parts: ComparisonParts;
  #comparisons: ReadonlyMap<string, TreeComparison> = new Map();
  #outcomes: ReadonlyMap<string, ComparisonOutcome> = new Map();

  constructor(parts: ComparisonParts) {
    this.#parts = parts;
  }

  /** What the last {@link update} made of each, by its key. */
  get outcomes(): ReadonlyMap<string, ComparisonOutcome> {
    return this.#outcomes;
  }

  /** Whether an {@link update} would find what the last one found. */
  get isCurrent(): boolean {
    return [...this.#comparisons.values()].every(({ isCurrent }) => isCurrent);
  }

  /** The files by whose change another comparison may be found, besides HEAD's own: absolute byte paths. */
  get watchPaths(): string[] {
    return [...this.#comparisons.values()].flatMap(({ watchPaths }) => watchPaths);
  }

  /** Keeps just these from the next {@link update} on. */
  want(wanted: Iterable<WantedComparison>): void {
    const comparisons = new Map<string, TreeComparison>();
    for (const each of wanted) {
      const key = comparisonKey(each);
      const known = this.#comparisons.get(key);
      comparisons.set(key, known ?? new TreeComparison(this.#parts, each.request, each.base));
    }
    this.#comparisons = comparisons;
    this.#outcomes = new Map([...this.#outcomes].filter(([key]) => comparisons.has(key)));
  }

  get(key: string): TreeComparison | undefined {
    return this.#comparisons.get(key);
  }

  /** What is compared with is looked for again. */
  doubt(): void {
    for (const comparison of this.#comparisons.values()) comparison.doubt();
  }

  /** Attributes or settings are others: what patches are made by is asked anew. */
  doubtPatches(): void {
    for (const comparison of this.#comparisons.values()) comparison.doubtPatches();
  }

  /** The diffs are made anew. */
  outdate(): void {
    for (const comparison of this.#comparisons.values()) comparison.outdate();
  }

  /** Makes all true after a pass of the diff against HEAD. */
  async update(pass: PassResult): Promise<void> {
    if (this.#comparisons.size === 0) return;
    const outcomes = new Map<string, ComparisonOutcome>();
    for (const [key, comparison] of this.#comparisons) {
      const filesBefore = comparison.files;
      const changes = await comparison.update(pass);
      const { state, files } = comparison;
      if (state !== undefined) outcomes.set(key, { state, filesBefore, files, changes });
    }
    this.#outcomes = outcomes;
  }
}
