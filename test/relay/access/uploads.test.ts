import t from "tap";
import { type Upload, Uploads } from "../../../src/relay/access/index.js";
import { RefusedError } from "../../../src/relay/answers.js";
import fc from "../../support/fast-check.js";

const LIMITS = {
  ownerFileBytes: 100_000,
  organizationFileBytes: 150_000,
  uploadsPerToken: 3,
  uploads: 5,
  minFreeBytes: 1_000_000,
};

/** What a store would know, and a disk on which uploads alone write. */
class FakeUsage {
  readonly used = new Map<string, number>();
  free = 100_000_000;

  usedBy(scope: string, name: string): number {
    return this.used.get(`${scope} ${name}`) ?? 0;
  }

  /** The same, as a store says it. */
  get asked() {
    const usedBy = async (scope: string, name: string) => this.usedBy(scope, name);
    return { usedBy, freeBytes: () => this.freeBytes(), rateOf: () => this.rateOf() };
  }

  async freeBytes(): Promise<number> {
    return this.free;
  }

  rateOf() {
    return { bytes: () => 0 };
  }
}

t.test("whatever comes in, no budget is over its limit, and all that was held comes back", async () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant("begin" as const),
      owner: fc.constantFrom("a", "b"),
      organization: fc.constantFrom("o", "p"),
      declared: fc.option(fc.nat(60_000), { nil: undefined }),
    }),
    fc.record({ kind: fc.constant("grow" as const), at: fc.nat(9), bytes: fc.nat(40_000) }),
    fc.record({ kind: fc.constant("end" as const), at: fc.nat(9), isKept: fc.boolean() }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const usage = new FakeUsage();
      const uploads = new Uploads(LIMITS, usage.asked);
      const open: { upload: Upload; owner: string; organization: string; size: number }[] = [];
      const add = (key: string, bytes: number) => usage.used.set(key, (usage.used.get(key) ?? 0) + bytes);
      for (const each of steps) {
        if (each.kind === "begin") {
          const { owner, organization, declared } = each;
          const request = { tokenId: owner, owner, organization, declared };
          const upload = await uploads.begin(request).catch(refused);
          if (upload !== undefined) open.push({ upload, owner, organization, size: 0 });
        } else {
          const at = each.at % Math.max(1, open.length);
          const one = open[at];
          if (one === undefined) continue;
          if (each.kind === "grow") {
            try {
              await one.upload.grow(each.bytes);
              one.size += each.bytes;
            } catch (thrown) {
              refused(thrown);
            }
          } else {
            open.splice(at, 1);
            const kept = Math.max(one.size, 4096);
            if (each.isKept)
              for (const key of [`owner ${one.owner}`, `organization ${one.organization}`]) add(key, kept);
            one.upload.end();
            one.upload.end();
          }
        }
        for (const name of ["a", "b"]) if (usage.usedBy("owner", name) > 100_000) throw new Error(`owner ${name}`);
        for (const name of ["o", "p"]) if (usage.usedBy("organization", name) > 150_000) throw new Error(name);
        if (uploads.underWay !== open.length || open.length > 5) throw new Error(`${uploads.underWay} under way`);
        if (open.filter(({ owner }) => owner === "a").length > 3) throw new Error("too many of one token");
      }
      for (const { upload } of open) upload.end();
      usage.used.clear();
      const whole = { tokenId: "a", owner: "a", organization: "o", declared: 100_000 };
      (await uploads.begin(whole)).end();
      if (uploads.underWay !== 0) throw new Error("something still counts");
    }),
  );
});

t.test("what uploads under way may still write is taken off the free space, and what they wrote is not", async (t) => {
  const usage = new FakeUsage();
  const uploads = new Uploads({ ...LIMITS, ownerFileBytes: 1e9, organizationFileBytes: 1e9 }, usage.asked);
  const begin = (declared: number | undefined) =>
    uploads.begin({ tokenId: "x", owner: "a", organization: "o", declared });
  usage.free = LIMITS.minFreeBytes + 100_000;
  const first = await begin(60_000);
  t.match(await begin(60_000).catch(refusal), { status: 507 });
  t.match(await begin(undefined).catch(refusal), { status: 507 }, "in chunks it may be as long as any file");
  await first.grow(60_000);
  usage.free -= 60_000;
  const second = await begin(40_000);
  t.match(await begin(1).catch(refusal), { status: 507 });
  second.end();
  first.end();
  (await begin(40_000)).end();
});

t.test(
  "of two files that come at once, and fit one by one, the budget takes one, however late the store answers",
  async (t) => {
    const usage = new FakeUsage();
    const usedBy = async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return 0;
    };
    const uploads = new Uploads(LIMITS, { ...usage.asked, usedBy });
    const begin = () => uploads.begin({ tokenId: "x", owner: "a", organization: "o", declared: 60_000 }).catch(refusal);
    const begun = await Promise.all([begin(), begin()]);
    t.match(begun, [{ end: Function }, { status: 413 }]);
    const [first] = begun as Upload[];
    const growing = first?.grow(70_000);
    first?.end();
    await growing;
    t.match(await begin(), { end: Function }, "what is over holds nothing, though an answer was out");
  },
);

t.test("a file that is entered while the store is asked counts all the same", async (t) => {
  const usage = new FakeUsage();
  const usedBy = async (scope: string, name: string) => {
    const used = usage.usedBy(scope, name);
    await new Promise((resolve) => setImmediate(resolve));
    return used;
  };
  const uploads = new Uploads(LIMITS, { ...usage.asked, usedBy });
  const begin = () => uploads.begin({ tokenId: "x", owner: "a", organization: "o", declared: 60_000 }).catch(refusal);
  const first = (await begin()) as Upload;
  const second = begin();
  await new Promise((resolve) => process.nextTick(resolve)); // the store has been asked, and has not answered
  usage.used.set("owner a", 60_000);
  first.end();
  t.match(await second, { status: 413 });
});

function refused(thrown: unknown): undefined {
  if (!(thrown instanceof RefusedError)) throw thrown;
  return undefined;
}

function refusal(thrown: unknown): unknown {
  return thrown instanceof RefusedError ? thrown.refusal : thrown;
}
