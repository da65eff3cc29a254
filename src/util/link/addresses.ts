import { lookup as systemLookup } from "node:dns/promises";
import { isIP } from "node:net";

/** An address of a host. */
export interface Address {
  address: string;
  family: number;
}

/** Resolves a name. @returns its addresses, in the order of the system's preference. @throws a system error */
export type Lookup = (host: string) => Promise<readonly Address[]>;

/** Hosts whose good address is remembered: a process dials one relay, or a few. */
const MAX_REMEMBERED = 100;

/**
 * The order in which addresses are tried: shuffled within each family, so that one that accepts connections and does not
 * answer is not tried for ever; the families take turns, beginning with that of the system's first choice (RFC 8305, 4);
 * the one that served last goes first.
 *
 * @param random in [0, 1)
 */
export function dialOrder(
  addresses: readonly Address[],
  lastGood: string | undefined,
  random: () => number,
): readonly Address[] {
  const preferred = addresses[0]?.family;
  const first = shuffled(
    addresses.filter(({ family }) => family === preferred),
    random,
  );
  const second = shuffled(
    addresses.filter(({ family }) => family !== preferred),
    random,
  );
  const alternating: Address[] = [];
  for (let at = 0; at < Math.max(first.length, second.length); at += 1) {
    alternating.push(...first.slice(at, at + 1), ...second.slice(at, at + 1));
  }
  const isGood = ({ address }: Address) => address === lastGood;
  return [...alternating.filter(isGood), ...alternating.filter((each) => !isGood(each))];
}

/** What is known of hosts: which address served last, and which names are being looked up. */
export class AddressBook {
  readonly #lookup: Lookup;
  readonly #random: () => number;
  readonly #good = new Map<string, string>();
  readonly #pending = new Map<string, Promise<readonly Address[]>>();

  /** @param options the system's lookup and `Math.random`, or others for tests */
  constructor({ lookup = lookupAll, random = Math.random }: { lookup?: Lookup; random?: () => number } = {}) {
    this.#lookup = lookup;
    this.#random = random;
  }

  /**
   * The addresses of a host, in the order in which to try them. A lookup can't be cancelled, and holds one of the few
   * threads that Node.js has for it: whoever asks again meanwhile waits for the same one.
   *
   * @param host a name or an address, IPv6 without brackets
   * @throws a system error
   */
  async resolve(host: string): Promise<readonly Address[]> {
    const family = isIP(host);
    if (family !== 0) return [{ address: host, family }];
    let pending = this.#pending.get(host);
    if (pending === undefined) {
      pending = this.#lookup(host).finally(() => this.#pending.delete(host));
      this.#pending.set(host, pending);
    }
    return dialOrder(await pending, this.#good.get(host), this.#random);
  }

  /** This address has served: it goes first next time. */
  served(host: string, address: string): void {
    this.#good.delete(host);
    this.#good.set(host, address);
    const [oldest] = this.#good.keys();
    if (this.#good.size > MAX_REMEMBERED && oldest !== undefined) this.#good.delete(oldest);
  }

  /** What was reached by this address did not serve. */
  failed(host: string, address: string): void {
    if (this.#good.get(host) === address) this.#good.delete(host);
  }
}

function lookupAll(host: string): Promise<Address[]> {
  return systemLookup(host, { all: true, verbatim: true });
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const rest = [...items];
  const result: T[] = [];
  while (rest.length > 0) result.push(...rest.splice(Math.floor(random() * rest.length), 1));
  return result;
}
