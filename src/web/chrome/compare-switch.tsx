import type { Comparing, ComparisonWord } from "../model/comparing.js";
import type { Observable } from "./state.js";
import { useObservable } from "./use-observable.js";

interface CompareSwitchProps {
  comparing: Observable<Comparing>;
  onChosen: (word: ComparisonWord) => void;
  onCommits: () => void;
}

/** What the trees are compared with, and how many files either comparison has. */
export function CompareSwitch({ comparing, onChosen, onCommits }: CompareSwitchProps) {
  const { shown, uncommitted, branch, reason, trees } = useObservable(comparing);
  const count = trees.reduce((sum, { commits }) => sum + commits.length, 0);
  const more = trees.some(({ isTruncated }) => isTruncated) ? "+" : "";
  const since = [...new Set(trees.map((tree) => tree.since))].join(", ");
  const branchTitle = reason ?? `What the branch has since ${since === "" ? "its base" : since}`;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for a form
    <span class="compare" role="group" aria-label="Compare">
      <Choice
        word="head"
        isOn={shown === "head"}
        count={uncommitted}
        title="What is not committed (b)"
        choose={onChosen}
      >
        Uncommitted
      </Choice>
      <Choice word="base" isOn={shown === "base"} count={branch} title={`${branchTitle} (b)`} choose={onChosen}>
        Branch
      </Choice>
      <button
        type="button"
        data-action="commits"
        title="The branch's commits"
        aria-pressed={shown.startsWith("commit:")}
        hidden={trees.length === 0}
        onClick={onCommits}
      >
        Commits <span class="count">{`${count}${more}`}</span>
      </button>
    </span>
  );
}

interface ChoiceProps {
  word: "head" | "base";
  isOn: boolean;
  count: number | undefined;
  title: string;
  choose: (word: ComparisonWord) => void;
  children: string;
}

function Choice({ word, isOn, count, title, choose, children }: ChoiceProps) {
  return (
    <button
      type="button"
      data-action="compare"
      data-compare={word}
      aria-pressed={isOn}
      title={title}
      onClick={() => choose(word)}
    >
      {children} {count !== undefined && <span class="count">{count}</span>}
    </button>
  );
}
