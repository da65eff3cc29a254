/** What each key does; `?` shows it. */
export const KEYS: readonly [keys: string, what: string][] = [
  ["j / k", "next, previous file"],
  ["n / p", "next, previous hunk"],
  ["v", "viewed, and on to the next file"],
  ["x", "collapse or open the file"],
  ["e", "20 more lines around the hunk"],
  ["s", "old and new beside each other"],
  ["w", "hide changes of white space"],
  ["b", "the branch, or what is uncommitted"],
  ["/", "filter files"],
  ["f", "follow the edits"],
  ["c", "comment on the selected lines"],
  ["r", "look again"],
  ["?", "this list"],
];

export function KeysDialog({ onClose }: { onClose: () => void }) {
  return (
    <dialog
      class="keys"
      aria-label="Keys"
      ref={(dialog) => {
        if (dialog?.open === false) dialog.showModal();
      }}
      onClose={onClose}
    >
      <h2>Keys</h2>
      <dl>
        {KEYS.map(([keys, what]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}
