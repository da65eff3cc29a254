import type { CommitEntry } from "../../protocol/browser.js";
import type { Comparing, ComparisonWord } from "../model/comparing.js";
import { ageOf } from "./status.js";

interface CommitsDialogProps {
  comparing: Comparing;
  onChosen: (word: ComparisonWord) => void;
  onClose: () => void;
}

/** The commits of the branch, of which each opens its own diff. */
export function CommitsDialog({ comparing: { shown, trees }, onChosen, onClose }: CommitsDialogProps) {
  const choose = (oid: string) => {
    onChosen(`commit:${oid}`);
    onClose();
  };
  return (
    <dialog
      class="commits"
      aria-label="Commits"
      ref={(dialog) => {
        if (dialog?.open === false) dialog.showModal();
      }}
      onClose={onClose}
    >
      {trees.map(({ root, since, commits, isTruncated }) => (
        <section key={root}>
          <h2>
            Commits since {since}
            {trees.length > 1 && ` · ${root.split("/").at(-1)}`}
          </h2>
          {commits.length === 0 && <p class="dim">None yet.</p>}
          <ol>
            {commits.map((commit) => (
              <li key={commit.oid}>
                <Commit commit={commit} isShown={shown === `commit:${commit.oid}`} onChosen={choose} />
              </li>
            ))}
          </ol>
          {isTruncated && <p class="dim">There are older ones.</p>}
        </section>
      ))}
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}

interface CommitProps {
  commit: CommitEntry;
  isShown: boolean;
  onChosen: (oid: string) => void;
}

function Commit({ commit, isShown, onChosen }: CommitProps) {
  const { oid, subject, author, additions = 0, deletions = 0 } = commit;
  return (
    <button type="button" class="entry" data-commit={oid} aria-pressed={isShown} onClick={() => onChosen(oid)}>
      <bdi class="subject">{subject === "" ? "(no subject)" : subject}</bdi>
      <span class="dim">
        <code>{oid.slice(0, 10)}</code> {author.name} · {ageOf(new Date(author.at), Date.now())}{" "}
        <span class="plus">+{additions}</span> <span class="minus">−{deletions}</span>
      </span>
    </button>
  );
}
