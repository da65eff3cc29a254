import { privateKey, type Sample, samples } from "../../secrets/samples.js";
import { Random } from "../../support/random.js";
import type { TestRepo } from "../../support/repo.js";

/** Where a secret stands in a tree that changes. Paths have nothing of the secret unless that is the place. */
interface Place {
  /** It is in no diff, but in what is told of a branch's commits: a relay keeps nothing of that. */
  isOfCommit?: boolean;
  /** What is committed. */
  before?: (repo: TestRepo, planted: Planting) => void;
  /** What is changed then. */
  after: (repo: TestRepo, planted: Planting) => void;
  /** What is changed once that was shown. */
  later?: (repo: TestRepo, planted: Planting) => void;
}

interface Planting {
  /** Which one it is, for names of files. */
  number: number;
  sample: Sample;
  /** A line that is no secret, and is told: what is said to show nothing of a secret has to show this. */
  mark: string;
}

const FILLER = Array.from({ length: 9 }, (_, at) => `  line ${at}`);

function lines(...texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join("");
}

const code = ({ text }: Sample) => `  const it = use('${text}');`;
/** So much of it that it is known by what it begins with, or nothing of it where that takes what stands behind. */
const half = ({ text, body, isName }: Sample) =>
  isName ? text.slice(0, Math.ceil((text.length * 3) / 4)) : text.slice(0, text.indexOf(body));

const PLACES: Record<string, Place> = {
  added: {
    before: (repo, { number }) => repo.write(`added/${number}.txt`, lines("a")),
    after: (repo, { number, sample, mark }) => repo.write(`added/${number}.txt`, lines("a", code(sample), mark)),
  },
  removed: {
    before: (repo, { number, sample }) => repo.write(`removed/${number}.txt`, lines("a", code(sample))),
    after: (repo, { number, mark }) => repo.write(`removed/${number}.txt`, lines("a", mark)),
  },
  context: {
    before: (repo, { number, sample }) => repo.write(`context/${number}.txt`, lines("a", code(sample), "b")),
    after: (repo, { number, sample, mark }) => repo.write(`context/${number}.txt`, lines("a", code(sample), mark)),
  },
  heading: {
    before: (repo, { number, sample }) =>
      repo.write(`heading/${number}.txt`, lines(`use(${sample.text}`, ...FILLER, "b")),
    after: (repo, { number, sample, mark }) =>
      repo.write(`heading/${number}.txt`, lines(`use(${sample.text}`, ...FILLER, mark)),
  },
  rename: {
    before: (repo, planting) => repo.write(`old/${nameOf(planting)}`, lines(...FILLER, "a", "b")),
    after: (repo, planting) => {
      repo.write("new/there", "");
      repo.git("mv", `old/${nameOf(planting)}`, `new/${nameOf(planting)}`);
      repo.write(`new/${nameOf(planting)}`, lines(...FILLER, code(planting.sample), planting.mark));
    },
  },
  untracked: {
    after: (repo, { number, sample, mark }) => repo.write(`untracked/${number}.txt`, lines(sample.text, mark)),
  },
  "UTF-16": {
    before: (repo, { number }) => repo.write(`wide/${number}.utf16`, Buffer.from(lines("\uFEFFa"), "utf16le")),
    after: (repo, { number, sample, mark }) =>
      repo.write(`wide/${number}.utf16`, Buffer.from(lines("\uFEFFa", code(sample), mark), "utf16le")),
  },
  CRLF: {
    before: (repo, { number }) => repo.write(`crlf/${number}.txt`, "a\r\n"),
    after: (repo, { number, sample, mark }) =>
      repo.write(`crlf/${number}.txt`, lines("a\r", `${sample.text}\r`, `${mark}\r`)),
  },
  "middle of a key": {
    before: (repo, { number, sample }) => repo.write(`key/${number}.txt`, lines("a", sample.text, ...FILLER, "b")),
    after: (repo, { number, sample, mark }) => {
      const text = sample.text.split("\n");
      text[12] = [...(text[12] ?? "")].reverse().join("");
      repo.write(`key/${number}.txt`, lines("a", ...text, ...FILLER, mark));
    },
  },
  "two edits": {
    before: (repo, { number }) => repo.write(`edits/${number}.txt`, lines("a")),
    after: (repo, { number, sample, mark }) => repo.write(`edits/${number}.txt`, lines("a", half(sample), mark)),
    later: (repo, { number, sample, mark }) => repo.write(`edits/${number}.txt`, lines("a", sample.text, mark)),
  },
  "a commit's message": {
    before: (repo, { number, sample }) => {
      repo.write(`message/${number}.txt`, lines("a"));
      repo.commit(number % 2 === 0 ? `${number}: ${sample.text}` : `${number}: subject\n\n${code(sample)}\n`);
    },
    after: (repo, { number, mark }) => repo.write(`message/${number}.txt`, lines("a", mark)),
    isOfCommit: true,
  },
  "a file's name": {
    after: (repo, planting) => repo.write(`named/${nameOf(planting)}`, lines(code(planting.sample), planting.mark)),
  },
};

/** The places. */
export const PLACE_NAMES = Object.keys(PLACES);

/** What cannot be part of a name stands in the file alone. */
function nameOf({ number, sample: { text, isName } }: Planting): string {
  return isName ? `${number}-${text}` : `${number}.txt`;
}

/** A private key of as many lines as have a middle. */
function keySample(seed: number, kind: string): Sample {
  const text = privateKey(seed, kind, 24).join("\n");
  return { kind: `private key ${kind}`, text, body: text, isName: false };
}

/** Secrets in a repository on a branch of it, each in one place. */
export class Planted {
  readonly repo: TestRepo;
  /** By kind, place and number: parts of which nothing may be found. */
  readonly secrets = new Map<string, readonly string[]>();
  /** The names of those that a relay keeps when the agent hides nothing. */
  readonly kept = new Set<string>();
  /** By the same names: what has to be found. */
  readonly marks = new Map<string, readonly string[]>();
  readonly #plantings: { place: Place; planting: Planting }[] = [];

  /**
   * Draws the secrets and commits what is there before.
   *
   * @param options `rounds`: so many of each kind in each place; `takes`: which kinds
   */
  constructor(
    repo: TestRepo,
    { seed, rounds, takes }: { seed: number; rounds: number; takes: (kind: string) => boolean },
  ) {
    this.repo = repo;
    const random = new Random(seed);
    for (const [name, place] of Object.entries(PLACES)) {
      for (let round = 0; round < rounds; round += 1) {
        for (const drawn of samples(random.below(2 ** 31)).filter(({ kind }) => takes(kind))) {
          const isKey = name === "middle of a key";
          const sample = isKey ? keySample(random.below(2 ** 31), random.pick(["", "RSA", "EC", "OPENSSH"])) : drawn;
          this.#plant(name, place, sample, random);
        }
      }
    }
    repo.write(".gitattributes", "*.utf16 diff\n");
    repo.commit();
    repo.git("switch", "-q", "-c", "branch");
    this.#each("before");
    repo.commit();
    this.#each("after");
  }

  /** The second of two edits. */
  editAgain(): void {
    this.#each("later");
  }

  #plant(name: string, place: Place, sample: Sample, random: Random): void {
    const number = this.#plantings.length;
    const mark = Array.from({ length: 8 }, () => "bcdfghjklmnpqrstvwxz"[random.below(20)]).join("");
    const id = `${sample.kind}, ${name}, ${number}`;
    this.#plantings.push({ place, planting: { number, sample, mark } });
    // lines that only say where a key begins and ends are left
    const parts = sample.body.split("\n").filter((line) => !line.startsWith("-----"));
    this.secrets.set(id, [...parts, ...parts.map((line) => [...line].reverse().join(""))]);
    this.marks.set(id, [mark]);
    if (place.isOfCommit !== true) this.kept.add(id);
  }

  #each(when: "before" | "after" | "later"): void {
    for (const { place, planting } of this.#plantings) place[when]?.(this.repo, planting);
  }
}
