import { execFileSync } from "node:child_process";
import t from "tap";
import { PacketReader, packContent, packLines } from "../../../src/git/clean/pkt-line.js";
import fc from "../../support/fast-check.js";
import { createRepo, GIT_ENV } from "../../support/repo.js";

const SEED = Number(process.env.TREEWIRE_TEST_SEED ?? 20_260_102);

/** Cuts bytes at the given places, which are counted modulo the length. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, at) => bytes.subarray(ends[at - 1] ?? 0, end));
}

t.test("what git sends is read", async (t) => {
  const repo = createRepo(t, { file: "1\n" });
  for (const name of ["one", "two", "naïve"]) repo.git("branch", name);
  const sent = execFileSync("git", ["upload-pack", "--advertise-refs", repo.root], { env: GIT_ENV });
  const lists = new PacketReader().push(sent);
  const [first = "", ...refs] = lists.flat().map((line) => line.toString().trimEnd());
  t.equal(lists.length, 1);
  t.match(first, /^[0-9a-f]{40} HEAD\0/);
  t.same(refs, repo.git("show-ref").split("\n"));
});

t.test("packets come out as they went in, wherever the stream is cut", async (t) => {
  const message = fc.oneof(
    fc.array(fc.stringMatching(/^[a-z=é-]{1,20}$/), { maxLength: 4 }),
    fc.constantFrom(0, 1, 65_515, 65_516, 65_517, 200_000),
  );
  const property = fc.property(
    fc.array(message, { maxLength: 4 }),
    fc.array(fc.nat(), { maxLength: 8 }),
    (messages, places) => {
      const packed = messages.map((message) =>
        typeof message === "number" ? packContent(Buffer.alloc(message, 7)) : packLines(message),
      );
      const reader = new PacketReader();
      const lists = cut(Buffer.concat(packed), places).flatMap((piece) => reader.push(Buffer.from(piece)));
      const read = lists.map((list, at) =>
        typeof messages[at] === "number"
          ? Buffer.concat(list).length
          : list.map((line) => line.toString().slice(0, -1)),
      );
      if (JSON.stringify(read) !== JSON.stringify(messages)) throw new Error(JSON.stringify(read));
      if (lists.flat().some((packet) => packet.length > 65_516)) throw new Error("a packet is too long");
    },
  );
  fc.assert(property, { numRuns: 100, seed: SEED });
  t.pass(`seed ${SEED}`);
});

t.test("a length that is none is refused", async (t) => {
  for (const text of ["0001", "0003", "zzzz", "-001"]) {
    t.throws(() => new PacketReader().push(Buffer.from(`${text}abcd`)), { message: "not a packet" }, text);
  }
});
