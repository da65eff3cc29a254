import { useEffect, useState } from "preact/hooks";
import type { Comparing, ComparisonWord } from "../model/comparing.js";
import type { Settings } from "../model/settings.js";
import { CompareSwitch } from "./compare-switch.js";
import type { Observable } from "./state.js";
import { type Status, statusText } from "./status.js";
import { useObservable } from "./use-observable.js";

type Action =
  | "next-file"
  | "previous-file"
  | "refresh"
  | "help"
  | "sign-out"
  | "files"
  | "edits"
  | "comment"
  | "copy-comments"
  | "commits";

interface ToolbarProps {
  status: Observable<Status>;
  settings: Observable<Settings>;
  /** Lines and files that were edited since the reader last looked. */
  unseen: Observable<number>;
  /** Files that the reader has viewed, and all of them. */
  /** How many comments there are. */
  comments: Observable<number>;
  progress: Observable<{ viewed: number; all: number }>;
  comparing: Observable<Comparing>;
  onCompare: (word: ComparisonWord) => void;
  actions: Record<Action, () => void>;
}

/** The bar at the top: how the link is, what to show, where to go. */
export function Toolbar(props: ToolbarProps) {
  const { status, settings, unseen, progress, comments, comparing, onCompare, actions } = props;
  const shown = useObservable(settings);
  const edits = useObservable(unseen);
  const count = useObservable(comments);
  const { viewed, all } = useObservable(progress);
  const set = (change: Partial<Settings>) => {
    settings.value = { ...settings.value, ...change };
  };
  const toggle = (action: string, label: string, title: string, isOn: boolean, flip: () => void) => (
    <button type="button" data-action={action} aria-pressed={isOn} title={title} onClick={flip}>
      {label}
    </button>
  );
  return (
    <header class="bar">
      <button type="button" class="quiet menu" aria-label="Files" onClick={actions.files}>
        ☰
      </button>
      <StatusLine status={status} />
      <button type="button" class="edits" hidden={edits === 0} onClick={actions.edits}>
        {edits === 1 ? "1 edit since you looked" : `${edits} edits since you looked`}
      </button>
      <span class="progress" hidden={all === 0}>
        {viewed} of {all} viewed
      </span>
      <span class="tools">
        <CompareSwitch comparing={comparing} onChosen={onCompare} onCommits={actions.commits} />
        <button
          type="button"
          data-action="previous-file"
          title="Previous file (k)"
          aria-label="Previous file"
          onClick={actions["previous-file"]}
        >
          ↑
        </button>
        <button
          type="button"
          data-action="next-file"
          title="Next file (j)"
          aria-label="Next file"
          onClick={actions["next-file"]}
        >
          ↓
        </button>
        {toggle("follow", "Follow", "Go where the edits are (f)", shown.follow, () => set({ follow: !shown.follow }))}
        {toggle("split", "Split", "Old and new beside each other (s)", shown.split, () => set({ split: !shown.split }))}
        {toggle("whitespace", "Hide space", "Hide changes of white space (w)", shown.whitespace === "hidden", () =>
          set({ whitespace: shown.whitespace === "hidden" ? "shown" : "hidden" }),
        )}
        <button type="button" data-action="comment" title="Comment on the selected lines (c)" onClick={actions.comment}>
          Comment
        </button>
        <button type="button" data-action="copy-comments" hidden={count === 0} onClick={actions["copy-comments"]}>
          {count === 1 ? "Copy 1 comment" : `Copy ${count} comments`}
        </button>
        <button type="button" data-action="refresh" title="Look again (r)" onClick={actions.refresh}>
          Refresh
        </button>
        <button type="button" class="quiet" title="Keys (?)" aria-label="Keys" onClick={actions.help}>
          ?
        </button>
        <button type="button" class="quiet" onClick={actions["sign-out"]}>
          Sign out
        </button>
      </span>
    </header>
  );
}

/** Counts the seconds since the state was known to be true. */
function StatusLine({ status }: { status: Observable<Status> }) {
  const value = useObservable(status);
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [value]);
  return (
    <span class={`status ${value.state}`}>
      <span class="dot" aria-hidden="true" />
      {/* spoken when the state changes, not each second */}
      <span class="sr" role="status">
        {value.state}
      </span>
      <span aria-hidden={value.state === "live"}>{statusText(value, now)}</span>
    </span>
  );
}
