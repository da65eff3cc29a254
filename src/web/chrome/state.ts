/** A value that is told of when it changes. */
export class Observable<T> {
  #value: T;
  readonly #observers = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set value(value: T) {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const observer of this.#observers) observer();
  }

  /** @returns ends it */
  observe(observer: () => void): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }
}
