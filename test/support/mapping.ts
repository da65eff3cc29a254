import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Cleanup } from "./temp.js";

/** Why files can't be written through a shared mapping here; `false`: they can. */
export const NO_MAPPINGS: string | false =
  spawnSync("python3", ["-c", "import mmap"]).status === 0 ? false : "python3, which maps files, is not here";

const PROGRAM = `
import mmap, sys
with open(sys.argv[1], "r+b") as file:
    mapped = mmap.mmap(file.fileno(), 0)
    print("mapped", flush=True)
    for line in sys.stdin:
        at, text = line.rstrip("\\n").split(" ", 1)
        mapped[int(at):int(at) + len(text)] = text.encode()
        print("written", flush=True)
`;

/** A file that is mapped into another process's memory, shared and to be written. */
export interface MappedFile {
  /** Writes through the mapping. @param text without line feeds. @returns when it is written */
  write(at: number, text: string): Promise<void>;
}

/** Maps a whole file that is there. @param t the test, with which the mapping ends */
export async function mapFile(t: Cleanup, path: string): Promise<MappedFile> {
  const child = spawn("python3", ["-c", PROGRAM, path], { stdio: ["pipe", "pipe", "inherit"] });
  t.teardown(() => child.kill());
  const lines = createInterface({ input: child.stdout });
  await once(lines, "line");
  return {
    async write(at, text) {
      const written = once(lines, "line");
      child.stdin.write(`${at} ${text}\n`);
      await written;
    },
  };
}
