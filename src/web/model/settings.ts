/** What a person has chosen, kept by the browser. */
export interface Settings {
  split: boolean;
  whitespace: "shown" | "hidden";
  follow: boolean;
}

export const DEFAULT_SETTINGS: Settings = { split: false, whitespace: "shown", follow: false };

/** A place for texts by name: `localStorage`, which may be full, or forbidden. */
export interface TextPlace {
  getItem(name: string): string | null;
  setItem(name: string, text: string): void;
}

const NAME = "treewire.settings";

/** @returns what was kept, and the default for what was not, or makes no sense */
export function loadSettings(place: TextPlace): Settings {
  const kept = readJson(place, NAME);
  if (typeof kept !== "object" || kept === null) return DEFAULT_SETTINGS;
  const { split, whitespace, follow } = kept as Record<string, unknown>;
  return {
    split: split === true,
    whitespace: whitespace === "hidden" ? "hidden" : "shown",
    follow: follow === true,
  };
}

export function saveSettings(place: TextPlace, settings: Settings): void {
  writeJson(place, NAME, settings);
}

const comparisonPlace = (chat: string) => `treewire.compare.${chat}`;

/** What a person has chosen to compare a chat's trees with; `undefined`: nothing yet. */
export function loadComparison(place: TextPlace, chat: string): "head" | "base" | undefined {
  const kept = readJson(place, comparisonPlace(chat));
  return kept === "head" || kept === "base" ? kept : undefined;
}

export function saveComparison(place: TextPlace, chat: string, word: "head" | "base"): void {
  writeJson(place, comparisonPlace(chat), word);
}

/** What a person has done with the files of one chat: by tree and path, what was seen of it. */
export class FileMarks {
  readonly #place: TextPlace;
  readonly #name: string;
  /** By root and path, the fingerprint of the content that was viewed. */
  readonly #viewed: Map<string, string>;
  readonly #collapsed: Set<string>;

  constructor(place: TextPlace, chat: string) {
    this.#place = place;
    this.#name = `treewire.files.${chat}`;
    const kept = readJson(place, this.#name) as { viewed?: unknown; collapsed?: unknown } | null;
    this.#viewed = new Map(Object.entries(isTexts(kept?.viewed) ? kept.viewed : {}));
    this.#collapsed = new Set(Array.isArray(kept?.collapsed) ? kept.collapsed.map(String) : []);
  }

  isViewed(file: string, fingerprint: string): boolean {
    return this.#viewed.get(file) === fingerprint;
  }

  /** Whether some earlier content of the file was viewed. */
  wasViewed(file: string): boolean {
    return this.#viewed.has(file);
  }

  setViewed(file: string, fingerprint: string | undefined): void {
    if (fingerprint === undefined) this.#viewed.delete(file);
    else this.#viewed.set(file, fingerprint);
    this.#save();
  }

  isCollapsed(file: string): boolean {
    return this.#collapsed.has(file);
  }

  setCollapsed(file: string, isCollapsed: boolean): void {
    if (isCollapsed) this.#collapsed.add(file);
    else this.#collapsed.delete(file);
    this.#save();
  }

  /** A file has another name from now on. */
  rename(before: string, after: string): void {
    const viewed = this.#viewed.get(before);
    if (viewed !== undefined && this.#viewed.delete(before)) this.#viewed.set(after, viewed);
    if (this.#collapsed.delete(before)) this.#collapsed.add(after);
    this.#save();
  }

  #save(): void {
    writeJson(this.#place, this.#name, {
      viewed: Object.fromEntries(this.#viewed),
      collapsed: [...this.#collapsed],
    });
  }
}

/** A fingerprint of what a file's diff shows: 53 bits (cyrb53), enough to see that a file has changed since it was viewed. */
export function fingerprint(text: string): string {
  let [high, low] = [0xdeadbeef, 0x41c6ce57];
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    high = Math.imul(high ^ unit, 2654435761);
    low = Math.imul(low ^ unit, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return (4294967296 * (2097151 & low) + (high >>> 0)).toString(36);
}

function isTexts(value: unknown): value is Record<string, string> {
  return typeof value === "object" && value !== null && Object.values(value).every((text) => typeof text === "string");
}

function readJson(place: TextPlace, name: string): unknown {
  try {
    return JSON.parse(place.getItem(name) ?? "null");
  } catch {
    return null; // written by something else, or forbidden: the defaults stand
  }
}

function writeJson(place: TextPlace, name: string, value: unknown): void {
  try {
    place.setItem(name, JSON.stringify(value));
  } catch {
    // full, or forbidden: it holds until the page is closed
  }
}
