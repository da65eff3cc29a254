/**
 * Errors that wait for a client that does not read; what comes after them is dropped. Far more than a client can cause
 * before its socket is held: one read of it brings 64 KiB.
 */
export const MAX_WAITING_ERRORS = 65_536;
/** The same in UTF-16 units: an agent's troubles may be long. One error may go over it. */
export const MAX_WAITING_ERROR_UNITS = 256 * 1024;

const NONE: readonly string[] = [];

/** One `error` frame. */
export interface WaitingError {
  readonly message: string;
  /** Names of the refreshes that it answers. */
  readonly answers: readonly string[];
}

/** The errors that one client has not been sent yet, oldest first. */
export class ErrorBacklog {
  readonly #errors: WaitingError[] = [];
  #next = 0;
  /** Of the errors that wait, in UTF-16 units. */
  #units = 0;

  /** How many wait. */
  get size(): number {
    return this.#errors.length - this.#next;
  }

  /** Adds an error, or drops it when there are too many already. */
  add(message: string, answers = NONE): void {
    if (this.size < MAX_WAITING_ERRORS && this.#units < MAX_WAITING_ERROR_UNITS) this.addAlways(message, answers);
  }

  /** Adds an error of a list that is bounded elsewhere. */
  addAlways(message: string, answers = NONE): void {
    const error = { message, answers };
    this.#errors.push(error);
    this.#units += unitsOf(error);
  }

  /** Removes the oldest error. The list is cut when it has run empty: removing its front would move the rest. */
  shift(): WaitingError | undefined {
    const error = this.#errors[this.#next];
    if (error === undefined) {
      this.#errors.length = 0;
      this.#next = 0;
      return undefined;
    }
    this.#next += 1;
    this.#units -= unitsOf(error);
    return error;
  }
}

function unitsOf({ message, answers }: WaitingError): number {
  return answers.reduce((units, id) => units + id.length, message.length);
}
