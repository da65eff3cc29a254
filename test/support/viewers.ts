import { createInterface } from "node:readline";
import { unifiedDiff, watchTrees } from "../../src/client/index.js";
import { type RepositoryChange, serverMessageSchema } from "../../src/protocol/index.js";
import type { Program } from "./program.js";
import type { Cleanup } from "./temp.js";

/** Somebody who watches a chat, and what they would show. */
export interface Viewer {
  readonly name: string;
  /** The diff of a tree; `undefined` while there is none. */
  diff(root: string): string | undefined;
  /** Why it watches no more. */
  readonly ended: string | undefined;
}

/** `relay watch --json` as a process: what its lines amount to. */
export class TerminalViewer implements Viewer {
  readonly name = "relay watch";
  readonly program: Program;
  readonly #repositories = new Map<string, RepositoryChange>();

  constructor(program: Program) {
    this.program = program;
    const { stdout } = program.child;
    if (stdout === null) throw new Error("its output is not read here");
    createInterface(stdout).on("line", (line) => {
      if (stdout.readableEnded) return; // what a program that was killed has left of its last line
      const message = serverMessageSchema.parse(JSON.parse(line));
      if (message.type !== "changes") return;
      for (const change of message.repositories ?? []) {
        if (change.removed) this.#repositories.delete(change.repo_root);
        else this.#repositories.set(change.repo_root, change);
      }
    });
  }

  get ended(): string | undefined {
    return this.program.running ? undefined : `it ended: ${this.program.stderr.slice(-500)}`;
  }

  diff(root: string): string | undefined {
    return this.#repositories.get(root)?.unified_diff;
  }
}

/** The library in this process. */
export class LibraryViewer implements Viewer {
  readonly name = "watchTrees";
  ended: string | undefined;
  readonly #diffs = new Map<string, string>();

  /** @param options of `watchTrees`: the relay's URL, chat and token */
  constructor(t: Cleanup, options: { url: string; chat: string; token: string; random: () => number }) {
    const stop = new AbortController();
    const watching = this.#watch({ ...options, signal: stop.signal });
    t.teardown(async () => {
      stop.abort();
      await watching;
    });
  }

  diff(root: string): string | undefined {
    return this.#diffs.get(root);
  }

  async #watch(options: Parameters<typeof watchTrees>[0]): Promise<void> {
    try {
      for await (const { trees } of watchTrees(options)) {
        for (const { root, meta, files } of trees.values()) {
          this.#diffs.set(root, unifiedDiff(files, meta.too_large_bytes));
        }
      }
      this.ended = "it was told to end";
    } catch (error) {
      this.ended = String(error);
    }
  }
}
