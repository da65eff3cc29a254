import { lookup as systemLookup } from "node:dns/promises";
import { isIP } from "node:net";

/** An address of a host. */
export interface Address {
  address: string;
  family: number;
}

/** Resolves a name. @returns its addresses, in the order of the system's preference. @throws a system error */
export type Lookup = (host: string) => Promise<readonly Address[]>;

/** Hosts whose good address is remembered, and addresses that failed: a process dials one relay, or a few. */
const MAX_REMEMBERED = 100;

/** What is known of a host's addresses. */
export interface Experience {
  /** The one that served last, unless it has failed since. */
  good?: string | undefined;
  /** Those that took a connection and failed, and have not served since; the one that failed last is last. */
  failed?: readonly string[];
}

/**
 * The order in which addresses are tried: shuffled within each family; the families take turns, beginning with that of the
 * system's first choice (RFC 8305, 4). The one that served last goes first. Those that failed go last, the latest failure
 * at the end: one that accepts connections and does not answer costs the whole time limit of an attempt, and is not tried
 * again before every other one was.
 *
 * @param random in [0, 1)
 */
export function dialOrder(
  addresses: readonly Address[],
  { good, failed = [] }: Experience,
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
  const rank = ({ address }: Address) => (address === good ? -1 : failed.indexOf(address) + 1);
  return alternating.toSorted((a, b) => rank(a) - rank(b));
}

/** What is known of hosts: which address served last, and which names are being looked up. */
export class AddressBook {
  readonly #lookup: Lookup;
  readonly #random: () => number;
  readonly #good = new Map<string, string>();
  /** By host and address, in the order in which they failed. */
  readonly #failed = new Map<string, { host: string; address: string }>();
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
    const addresses = await pending;
    const failed = [...this.#failed.values()].filter((each) => each.host === host).map(({ address }) => address);
    return dialOrder(addresses, { good: this.#good.get(host), failed }, this.#random);
  }

  /** This address has served: it goes first next time. */
  served(host: string, address: string): void {
    this.#failed.delete(keyOf(host, address));
    remember(this.#good, host, address);
  }

  /** What was reached by this address did not serve: it goes last until it has. */
  failed(host: string, address: string): void {
    if (this.#good.get(host) === address) this.#good.delete(host);
    remember(this.#failed, keyOf(host, address), { host, address });
  }
}

/** No name of a host has a blank. */
function keyOf(host: string, address: string): string {
  return `${host} ${address}`;
}

/** Puts an entry last, and drops the first one when there are too many. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > MAX_REMEMBERED && oldest !== undefined) map.delete(oldest);
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
