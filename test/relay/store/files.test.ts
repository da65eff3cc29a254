import t from "tap";
import { BlobTooLargeError, PreconditionError, type Store } from "../../../src/relay/store/index.js";
import type { Cleanup } from "../../support/temp.js";
import { KINDS, opened } from "./kinds.js";

// What every store promises of chat files (src/relay/store/store.ts).

const idOf = (token: string) => token.split("_")[1] ?? "";
const refused = (thrown: unknown): string => {
  if (thrown instanceof PreconditionError) return thrown.unmet;
  throw thrown;
};

async function* chunks(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

for (const [name, { skip, make }] of Object.entries(KINDS)) {
  const open = (t: Cleanup) => opened(t, make);

  t.test(`${name}: no file is entered for a token that does not count any more`, { skip }, async (t) => {
    const { here, beside } = await open(t);
    const by = idOf(await here.tokens.create({ kind: "client", user: "root", admin: true }));
    await beside.tokens.revoke(by);
    const blob = await here.files.stage(chunks("x"), 10);
    const file = { organization: "o", owner: "alice", name: "", type: "image/png", size: 1, digest: blob.digest };
    const add = here.files.add(blob, file, { by, entered: () => t.fail("it is not entered") });
    t.equal(await add.catch(refused), "token-ended");
    t.equal(await here.files.usedBy("owner", "alice"), 0);
    await blob.discard();
  });

  t.test(`${name}: a file is there with its bytes, and is counted, until it is taken away`, { skip }, async (t) => {
    const { here, beside, again } = await open(t);
    const fileOf = { organization: "o", owner: "alice", name: "ü.png", type: "image/png" };
    const add = async (text: string, entered = () => {}) => {
      const blob = await here.files.stage(chunks(text.slice(0, 2), text.slice(2)), 1_000);
      t.equal(blob.head.toString(), text);
      return here.files.add(blob, { ...fileOf, size: blob.size, digest: blob.digest }, { entered });
    };
    let used: Promise<number> | undefined;
    const entry = await add("the bytes", () => {
      used = here.files.usedBy("owner", "alice");
    });
    t.ok((await used) !== 0, "when it is said to be entered, it counts");
    t.same(await beside.files.get(entry.id), entry);
    const read = async (store: Store) =>
      Buffer.concat((await (await store.files.read(entry))?.toArray()) ?? []).toString();
    t.equal(await read(beside), "the bytes");
    const twin = await add("the bytes");
    const sum = await beside.files.usedBy("organization", "o");
    t.same(await here.files.totals(), { bytes: sum, ofLargestOwner: sum });
    t.same([await beside.files.remove(twin), await beside.files.remove(twin)], [true, false]);
    t.equal(await read(here), "the bytes", "the other has them still");
    t.equal(await here.files.remove(entry), true);
    t.same([await beside.files.get(entry.id), await beside.files.read(entry)], [undefined, undefined]);
    t.equal(await here.files.usedBy("owner", "alice"), 0);
    const tooLarge = await here.files.stage(chunks("0123456789", "x"), 10).catch((thrown: unknown) => thrown);
    t.ok(tooLarge instanceof BlobTooLargeError);
    const dropped = await here.files.stage(chunks("x"), 10);
    await dropped.discard();
    const next = await again();
    await next.files.sweep();
    t.ok((await next.files.freeBytes()) > 0);
    await next.close();
  });
}
