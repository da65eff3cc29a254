import type { Answer } from "../../../protocol/index.js";
import { QuestionError, Questions } from "../../hub/index.js";
import type { ToFollowerOf } from "../bus/messages.js";

/** So many questions to agents at other relays are answered at once. */
const MAX_QUESTIONS = 100;

interface Pending {
  /** Reads the answer, and waits no longer for it than for one of an agent that is here. */
  readonly question: Questions;
  refuse(why: QuestionError["why"]): void;
}

/** Questions to agents at other relays, of workspaces that need not be watched here. */
export class RemoteQuestions {
  readonly #pending = new Map<number, Pending>();

  /** @param id its number across relays @param send asks @throws QuestionError */
  ask(id: number, send: () => void): Promise<Answer> {
    if (this.#pending.size >= MAX_QUESTIONS) return Promise.reject(new QuestionError("too-many"));
    const question = new Questions();
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#pending.delete(id);
      };
      this.#pending.set(id, {
        question,
        refuse: (why) => {
          settle();
          reject(new QuestionError(why));
          question.rejectAll();
        },
      });
      question.add(send).then(resolve, reject).finally(settle);
    });
  }

  /** @returns whether it answers one of these */
  heard({ id, data, why }: ToFollowerOf<"answer">): boolean {
    const pending = this.#pending.get(id);
    if (pending === undefined) return false;
    if (why !== undefined) pending.refuse(why);
    else pending.question.receive({ type: "answer", id: 1, data, more: false }); // the only one that it has
    return true;
  }
}
