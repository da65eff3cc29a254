/** Several values a key. A key without values takes no room. */
export class SetMap<K, V> {
  readonly #sets = new Map<K, Set<V>>();

  add(key: K, value: V): void {
    const set = this.#sets.get(key);
    if (set === undefined) this.#sets.set(key, new Set([value]));
    else set.add(value);
  }

  delete(key: K, value: V): void {
    const set = this.#sets.get(key);
    if (set?.delete(value) && set.size === 0) this.#sets.delete(key);
  }

  /** The values of a key; none for an unknown one. */
  get(key: K): ReadonlySet<V> {
    return this.#sets.get(key) ?? new Set();
  }

  keys(): Iterable<K> {
    return this.#sets.keys();
  }

  sets(): Iterable<ReadonlySet<V>> {
    return this.#sets.values();
  }
}
