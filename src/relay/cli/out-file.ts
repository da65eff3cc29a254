import { closeSync, fsyncSync, linkSync, lstatSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { messageOf, systemCode, TreewireError } from "../../util/index.js";

/** What file systems without hard links say. */
const NO_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

/**
 * Writes a secret into a new file, for its owner alone: {@link writeNewFile}.
 *
 * @param make makes the secret, once it is sure that the directory takes a file and has none of that name
 * @throws TreewireError `TW_OUT_FILE`, and what `make` throws; then nothing stays behind
 */
export function writeSecret(path: string, make: () => Promise<string>): Promise<void> {
  return writeNewFile(path, "TW_OUT_FILE", async (write) => write(`${await make()}\n`));
}

/**
 * Writes a new file, for its owner alone. The file is there whole or not at all, and takes the place of nothing: neither of a file
 * nor of what a link leads to.
 *
 * @param path of the new file
 * @param code of the error, when it cannot be written
 * @param make hands over the text, piece by piece, once it is sure that the directory takes a file and has none of that name
 * @throws TreewireError of that code, and what `make` throws; then nothing stays behind
 */
export async function writeNewFile(
  path: string,
  code: "TW_OUT_FILE" | "TW_EXPORT_FILE",
  make: (write: (text: string) => void) => Promise<void>,
): Promise<void> {
  const refuse = (thrown: unknown) =>
    new TreewireError(code, path, { detail: systemCode(thrown) ?? messageOf(thrown), cause: thrown });
  const inPlace = () => new TreewireError(code, path, { detail: "there is a file already" });
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) throw inPlace();
  const scratch = `${path}.${process.pid}.new`;
  let file: number;
  try {
    file = openSync(scratch, "wx", 0o600);
  } catch (thrown) {
    throw refuse(thrown);
  }
  const guarded = (job: () => void) => {
    try {
      job();
    } catch (thrown) {
      throw systemCode(thrown) === "EEXIST" ? inPlace() : refuse(thrown);
    }
  };
  try {
    await make((text) => guarded(() => writeFileSync(file, text)));
    guarded(() => {
      fsyncSync(file);
      place(scratch, path);
    });
  } finally {
    closeSync(file);
    rmSync(scratch, { force: true });
  }
}

/** Gives a file its name, unless that is taken. */
function place(scratch: string, path: string): void {
  try {
    linkSync(scratch, path);
  } catch (thrown) {
    if (!NO_LINKS.has(systemCode(thrown) ?? "")) throw thrown;
    renameSync(scratch, path);
  }
}
