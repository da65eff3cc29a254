import type { TreeFile } from "../../protocol/browser.js";

/** What happened to a file, in the words of the page's `data-status`. */
export type FileStatus = "added" | "deleted" | "modified" | "renamed";

/** What a file's header says, for people. */
export interface FileFacts {
  status: FileStatus;
  /** Of a rename or a copy: where it came from. */
  from: string | undefined;
  /** In words: a changed mode, a binary file, what was left out. */
  notes: readonly string[];
  isUntracked: boolean;
}

/** @param file as the relay tells it */
export function factsOf(file: TreeFile): FileFacts {
  const lines = file.header.split("\n");
  const value = (name: string) => lines.find((line) => line.startsWith(name))?.slice(name.length);
  const from = value("rename from ") ?? value("copy from ");
  const notes: string[] = [];
  const [oldMode, newMode] = [value("old mode "), value("new mode ")];
  if (oldMode !== undefined && newMode !== undefined) notes.push(`mode ${oldMode} → ${newMode}`);
  const created = value("new file mode ");
  if (created === "100755") notes.push("executable");
  if (created === "120000") notes.push("symbolic link");
  if (created === "160000") notes.push("submodule");
  if (value("copy from ") !== undefined) notes.push("copied");
  if (/^(?:Binary files .* differ|GIT binary patch)$/m.test(file.header + file.hunks)) notes.push("binary file");
  const status =
    created !== undefined
      ? "added"
      : value("deleted file mode ") !== undefined
        ? "deleted"
        : from === undefined
          ? "modified"
          : "renamed";
  return { status, from: from === undefined ? undefined : unquote(from), notes, isUntracked: /^\d*u:/.test(file.key) };
}

/** A name in git's quotes, as far as people can read it: escapes of bytes that are no UTF-8 stay. */
function unquote(name: string): string {
  if (!name.startsWith('"')) return name;
  const bytes: number[] = [];
  const encoder = new TextEncoder();
  for (const [, octal, escaped, plain] of name.slice(1, -1).matchAll(/\\([0-7]{3})|\\(.)|([^\\]+)/gs)) {
    if (octal !== undefined) bytes.push(Number.parseInt(octal, 8));
    else if (escaped !== undefined) bytes.push(...encoder.encode({ n: "\n", t: "\t" }[escaped] ?? escaped));
    else bytes.push(...encoder.encode(plain));
  }
  return new TextDecoder().decode(new Uint8Array(bytes));
}
