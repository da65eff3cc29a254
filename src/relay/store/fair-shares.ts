/** What parties may have of something together. Of too much, the party that has most loses, its oldest first, and nobody else does. */
export class FairShares {
  readonly #most: number;
  readonly #entries = new Map<string, { owner: string; cost: number }>();
  /** By owner: its keys, oldest first, and what they cost together. */
  readonly #owners = new Map<string, { keys: Set<string>; cost: number }>();
  #cost = 0;

  /** @param most what all entries may cost together */
  constructor(most: number) {
    this.#most = most;
  }

  /** Enters a key as its owner's newest, in place of what the key had before. {@link giveUp} is to follow. */
  set(key: string, owner: string, cost = 1): void {
    this.delete(key);
    const share = this.#owners.get(owner) ?? { keys: new Set(), cost: 0 };
    this.#owners.set(owner, share);
    share.keys.add(key);
    share.cost += cost;
    this.#entries.set(key, { owner, cost });
    this.#cost += cost;
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#cost -= entry.cost;
    const share = this.#owners.get(entry.owner);
    if (share === undefined) return;
    share.keys.delete(key);
    share.cost -= entry.cost;
    if (share.keys.size === 0) this.#owners.delete(entry.owner);
  }

  /** Takes out what is too much. Of owners that have as much as each other, the one that came first loses. @returns the keys */
  giveUp(): string[] {
    const keys: string[] = [];
    while (this.#cost > this.#most) {
      let most: { keys: Set<string>; cost: number } | undefined;
      for (const share of this.#owners.values()) if (share.cost > (most?.cost ?? 0)) most = share;
      const [oldest] = most?.keys ?? [];
      if (oldest === undefined) break;
      this.delete(oldest);
      keys.push(oldest);
    }
    return keys;
  }
}
