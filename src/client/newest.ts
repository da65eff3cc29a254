/** The newest value of a source that goes on by itself; whoever works long on one gets the newest next, not those between. */
export class Newest<T> {
  #value: { is: T } | undefined;
  #end: { error: unknown } | undefined;
  #wake: () => void = () => undefined;

  set(value: T): void {
    this.#value = { is: value };
    this.#wake();
  }

  /** There will be no other. @param error thrown to whoever reads, if it is not `undefined` */
  end(error: unknown): void {
    this.#end ??= { error };
    this.#wake();
  }

  /** Yields until the end. */
  async *values(): AsyncGenerator<T, void, void> {
    for (;;) {
      const value = this.#value;
      this.#value = undefined;
      if (value !== undefined) yield value.is;
      else if (this.#end === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else if (this.#end.error !== undefined) throw this.#end.error;
      else return;
    }
  }
}
