import {
  type Answer,
  type AnswerFailure,
  imageType,
  MAX_UNIFIED_DIFF_BYTES,
  type Question,
  unifiedDiff,
  type WantedComparison,
} from "../../protocol/index.js";
import { messageOf, withoutCredentials } from "../../util/index.js";
import type { RepositoryAnswer, RepositoryQuestion, TreeState } from "../../worktree/index.js";
import type { SecretsPolicy, TreeSecrets } from "../trees/secrets-policy.js";
import { snapshotOf } from "../trees/snapshot.js";
import type { TreeSource } from "../trees/streamed-tree.js";
import { sideOf } from "./file-side.js";
import { linesOf } from "./lines.js";

/** What is asked of the repositories themselves. */
export interface RepositoryReader {
  /** @throws Error, in one line */
  ask(root: string, question: RepositoryQuestion): Promise<RepositoryAnswer>;
}

/** The trees of a chat, and what words of comparisons mean in it. */
export interface AskedChat {
  /** Ascending. */
  readonly roots: readonly string[];
  comparison(word: string): WantedComparison | undefined;
}

export interface AnswersOptions {
  source: TreeSource;
  reader: RepositoryReader;
  /** What is hidden; absent: nothing is. */
  secrets?: SecretsPolicy | undefined;
}

/** That there is no answer, and why. */
class Unanswered extends Error {
  constructor(
    readonly why: AnswerFailure["why"],
    message: string,
  ) {
    super(message);
  }
}

/** Answers what a relay asks of trees, whether or not anybody watches them. What an agent hides in its stream is hidden here. */
export class Answers {
  readonly #options: AnswersOptions;

  constructor(options: AnswersOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  async answer(chat: AskedChat, question: Question): Promise<Answer> {
    try {
      const asked = question.kind === "diff" ? undefined : question.root;
      const root = asked ?? chat.roots[0];
      if (root === undefined || !chat.roots.includes(root)) throw new Unanswered("not-found", "there is no such tree");
      if (question.kind === "commits") return await this.#commits(root, chat, question);
      return question.kind === "file" ? await this.#file(root, chat, question) : await this.#diff(root, chat);
    } catch (error) {
      const why = error instanceof Unanswered ? error.why : "failed";
      return { kind: "failure", why, message: withoutCredentials(messageOf(error)).slice(0, 1000) };
    }
  }

  async #commits(root: string, chat: AskedChat, asked: Extract<Question, { kind: "commits" }>): Promise<Answer> {
    const wanted = chat.comparison(asked.compare) ?? { request: { kind: "head" } };
    const page = { limit: asked.limit, ...(asked.before !== undefined && { before: asked.before }) };
    const found = await this.#options.reader.ask(root, { kind: "commits", wanted, page });
    if (found.kind !== "commits") throw new Error("the commits could not be read");
    const secrets = await this.#options.secrets?.forTree(root);
    const { commits, isTruncated, meta } = secrets?.compared(found.compared) ?? found.compared;
    return { kind: "commits", commits, has_more: isTruncated, base: meta };
  }

  async #file(root: string, chat: AskedChat, asked: Extract<Question, { kind: "file" }>): Promise<Answer> {
    const wanted = chat.comparison(asked.compare);
    const { state, secrets, raw } = await this.#read(root, wanted, { isAsShown: true });
    const shown = state.files.find(({ key }) => key === asked.key);
    const file = raw.files.find(({ key }) => key === asked.key);
    if (shown?.withheld !== undefined) throw new Unanswered("withheld", "it looks like a secret");
    if (shown !== undefined && shown !== file) throw new Unanswered("withheld", "there are secrets in it");
    const side = file && sideOf(file, asked.side, raw.compared?.meta.kind !== "commit");
    if (file === undefined || side === undefined) throw new Unanswered("not-found", "the diff does not have it");
    if (asked.oid !== undefined && asked.oid !== side.oid) throw new Unanswered("changed", "changed meanwhile");
    const found = await this.#options.reader.ask(root, { kind: "content", ...side, maxBytes: MAX_UNIFIED_DIFF_BYTES });
    if (found.kind === "changed") throw new Unanswered("changed", "changed meanwhile");
    if (found.kind === "too-large") throw new Unanswered("too-large", "it is too large");
    if (found.kind !== "content") throw new Error("the file could not be read");
    const content = Buffer.from(found.content);
    const { oid } = side;
    if (imageType(content) !== undefined) return { kind: "bytes", oid, base64: content.toString("base64") };
    if (content.includes(0)) throw new Unanswered("unsupported", "neither text nor an image");
    const text = secrets === undefined ? content.toString() : secrets.maskContent(file, content.toString());
    if (text === undefined) throw new Unanswered("withheld", "there are secrets in it");
    return { kind: "text", oid, ...linesOf(text, asked.from, asked.to) };
  }

  async #diff(root: string, chat: AskedChat): Promise<Answer> {
    const { state } = await this.#read(root, chat.comparison("base"));
    const { meta, files } = snapshotOf(state);
    const { branch, remote_origin } = meta;
    return { kind: "diff", root, branch, remote_origin, diff: unifiedDiff(files, meta.too_large_bytes) };
  }

  /**
   * Reads a tree; one that nobody watches is opened for it.
   *
   * @param options `isAsShown`: as it was last shown, where it is followed, without another look at its files
   * @returns `raw`: before anything was hidden
   */
  async #read(
    root: string,
    wanted: WantedComparison | undefined,
    { isAsShown = false } = {},
  ): Promise<{ state: TreeState; secrets: TreeSecrets | undefined; raw: TreeState }> {
    const tree = this.#options.source.open(root, wanted);
    try {
      const raw = (isAsShown ? tree.state : undefined) ?? (await tree.refresh());
      if (raw === undefined) throw new Unanswered("not-found", "the tree is gone");
      const secrets = await this.#options.secrets?.forTree(root, wanted?.request.kind !== "commit");
      return { state: secrets?.filter(raw).state ?? raw, secrets, raw };
    } finally {
      tree.close();
    }
  }
}
