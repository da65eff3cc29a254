import t from "tap";
import { type Address, AddressBook, dialOrder } from "../../../src/util/link/addresses.js";
import fc from "../../support/fast-check.js";

const v4 = (address: string): Address => ({ address, family: 4 });
const v6 = (address: string): Address => ({ address, family: 6 });
const names = (addresses: readonly Address[]) => addresses.map(({ address }) => address).join(" ");

t.test("the families take turns, beginning with the system's choice", async (t) => {
  const addresses = [v6("a"), v6("b"), v6("c"), v4("1"), v4("2")];
  t.equal(names(dialOrder(addresses, {}, () => 0)), "a 1 b 2 c");
  t.equal(names(dialOrder(addresses.reverse(), {}, () => 0)), "2 c 1 b a");
});

t.test("within a family the order is drawn anew each time", async (t) => {
  const addresses = [v4("1"), v4("2"), v4("3")];
  t.equal(names(dialOrder(addresses, {}, () => 0.99)), "3 2 1");
  t.equal(names(dialOrder(addresses, {}, () => 0.5)), "2 3 1");
});

t.test("the address that served last goes first, until it fails", async (t) => {
  const book = new AddressBook({ lookup: async () => [v6("a"), v4("1"), v4("2")], random: () => 0 });
  book.served("relay", "2");
  t.equal(names(await book.resolve("relay")), "2 a 1");
  t.equal(names(await book.resolve("other")), "a 1 2", "of another host nothing is known");
  book.failed("relay", "1");
  t.equal(names(await book.resolve("relay")), "2 a 1", "another one's failure changes nothing");
  book.failed("relay", "2");
  t.equal(names(await book.resolve("relay")), "a 1 2");
  book.served("relay", "1");
  book.served("relay", "gone");
  t.equal(names(await book.resolve("relay")), "a 1 2", "an address that the name has no longer is not tried");
});

t.test("an address that failed goes last until it has served, whatever is drawn", async (t) => {
  const lookup = async () => [v4("1"), v4("2"), v6("a")];
  const draws = [0, 0.3, 0.5, 0.7, 0.99];
  for (const draw of draws) {
    const book = new AddressBook({ lookup, random: () => draw });
    const order = async () => names(await book.resolve("relay"));
    const before = await order();
    book.failed("relay", "1");
    t.match(await order(), / 1$/, `draw ${draw}`);
    book.failed("relay", "a");
    t.equal(await order(), "2 1 a", "the latest failure is last");
    book.failed("relay", "2");
    t.equal(await order(), "1 a 2", "where all have failed, they take turns");
    book.failed("relay", "1");
    t.equal(await order(), "a 2 1");
    t.equal(names(await book.resolve("other")), before, "of another host nothing is known");
    book.served("relay", "1");
    t.equal(await order(), "1 a 2", "one that has served is good again");
    for (const address of ["a", "2", "1"]) book.served("relay", address);
    book.served("relay", "gone");
    t.equal(await order(), before);
  }
});

t.test("the book stays small", async (t) => {
  const book = new AddressBook({ lookup: async () => [v4("1"), v4("2")], random: () => 0 });
  book.failed("relay", "1");
  for (let at = 0; at < 99; at += 1) book.failed(`host${at}`, "1");
  t.equal(names(await book.resolve("relay")), "2 1");
  book.failed("host100", "1");
  t.equal(names(await book.resolve("relay")), "1 2", "the oldest failure is forgotten");
});

t.test("a name that is being looked up is not looked up again meanwhile", async (t) => {
  let lookups = 0;
  let answer: (addresses: Address[]) => void = () => {};
  const lookup = () => {
    lookups += 1;
    return new Promise<Address[]>((resolve) => {
      answer = resolve;
    });
  };
  const book = new AddressBook({ lookup, random: () => 0 });
  const both = [book.resolve("relay"), book.resolve("relay")];
  t.equal(lookups, 1);
  answer([v4("1")]);
  t.same((await Promise.all(both)).map(names), ["1", "1"]);
  void book.resolve("relay");
  t.equal(lookups, 2, "and is, once there was an answer");
});

t.test("an address needs no lookup", async (t) => {
  const book = new AddressBook({ lookup: async () => t.fail("it was looked up") as never });
  t.same(await book.resolve("192.0.2.1"), [v4("192.0.2.1")]);
  t.same(await book.resolve("2001:db8::1"), [v6("2001:db8::1")]);
});

t.test("every address is tried once, no family twice in a row while the other has some left", async (t) => {
  const list = fc.uniqueArray(fc.record({ address: fc.string(), family: fc.constantFrom(4, 6) }), {
    selector: ({ address }) => address,
  });
  const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(list, draw, (addresses, random) => {
      const order = dialOrder(addresses, {}, () => random);
      t.same([...order].map(({ address }) => address).sort(), addresses.map(({ address }) => address).sort());
      order.forEach(({ family }, at) => {
        const before = order[at - 1]?.family;
        if (before !== family) return;
        t.notOk(order.slice(at).some((later) => later.family !== family));
      });
      if (order[0]?.family !== addresses[0]?.family) t.fail("it begins with the system's choice");
    }),
  );
});
