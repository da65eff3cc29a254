import { type AgentMessage, type Answer, answerSchema, MAX_ANSWER_UNITS } from "../../protocol/index.js";

/** How long an answer may take, in milliseconds. */
const DEADLINE_MS = 30_000;

/** So many questions of one workspace are answered at once: each may have a whole diff for an answer. */
const MAX_QUESTIONS = 8;

/** Why a question was not answered. */
export class QuestionError extends Error {
  constructor(readonly why: "too-many" | "no-agent" | "no-answer" | "old-agent") {
    super(why);
  }
}

/** Whose trees are asked about. */
export interface AskedChat {
  /** Its id, in lower case. */
  readonly chat: string;
  /** Absolute; none: every repository that the agent finds. */
  readonly paths: readonly string[];
  /** The ref that the chat names as base. */
  readonly base?: string | undefined;
}

interface Pending {
  readonly parts: string[];
  units: number;
  settle(answer: Answer | QuestionError): void;
}

/** The questions that one agent was asked and has not answered. */
export class Questions {
  readonly #pending = new Map<number, Pending>();
  #count = 0;

  /**
   * @param ask called with the number that the agent's answer names
   * @throws QuestionError when there is no answer
   */
  add(ask: (id: number) => void): Promise<Answer> {
    if (this.#pending.size >= MAX_QUESTIONS) return Promise.reject(new QuestionError("too-many"));
    this.#count += 1;
    const id = this.#count;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#settle(id, new QuestionError("no-answer")), DEADLINE_MS).unref();
      const settle = (answer: Answer | QuestionError): void => {
        clearTimeout(timer);
        if (answer instanceof QuestionError) reject(answer);
        else resolve(answer);
      };
      this.#pending.set(id, { parts: [], units: 0, settle });
      ask(id);
    });
  }

  /** A part of an answer has come. */
  receive({ id, data, more }: Extract<AgentMessage, { type: "answer" }>): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return; // it has come too late
    pending.parts.push(data);
    pending.units += data.length;
    if (pending.units > MAX_ANSWER_UNITS) this.#settle(id, new QuestionError("no-answer"));
    else if (!more) this.#settle(id, read(pending.parts.join("")) ?? new QuestionError("no-answer"));
  }

  /** The agent is lost. */
  rejectAll(): void {
    for (const id of [...this.#pending.keys()]) this.#settle(id, new QuestionError("no-agent"));
  }

  #settle(id: number, answer: Answer | QuestionError): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.settle(answer);
  }
}

function read(text: string): Answer | undefined {
  try {
    return answerSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // no JSON
  }
}
