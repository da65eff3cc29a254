import { RefusedError } from "../answers.js";
import type { Authority } from "./authority.js";
import type { Answer, Calling, Client } from "./client.js";
import type { Limits } from "./limits.js";
import { Turns } from "./turns.js";

/**
 * Whose token a request brings, after the limits on addresses and tokens were asked. Every request and upgrade passes
 * here once.
 */
export class Admission {
  readonly #limits: Limits;
  readonly #turns = new Turns();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** @param address of the caller */
  async identify(authority: Authority, calling: Calling, address: string): Promise<Answer<Client>> {
    return this.admit(address, async () => {
      const answer = await authority.authenticate(calling);
      return answer.ok ? { ...answer, tokenId: answer.ok.tokenId } : answer;
    });
  }

  /** A token that was let through turns out not to count. */
  failed(address: string): Promise<void> {
    return this.#limits.failed(address);
  }

  /** @param check what says who is calling */
  async admit<T>(address: string, check: () => Promise<Answer<T> & { tokenId?: string }>): Promise<Answer<T>> {
    try {
      await this.#turns.take();
      await this.#limits.request(address);
      const answer = await check();
      if (answer.refusal?.status === 401) await this.#limits.failed(address);
      if (answer.tokenId !== undefined) await this.#limits.authenticated(answer.tokenId);
      return answer;
    } catch (thrown) {
      if (thrown instanceof RefusedError) return { refusal: thrown.refusal };
      throw thrown;
    }
  }
}
