import { connect, type Socket } from "node:net";
import { systemCode } from "../errors.js";
import type { Address } from "./addresses.js";

/** After so long without an answer the next address is tried as well (RFC 8305, 5). Milliseconds. */
const NEXT_ADDRESS_MS = 250;

/** Every address failed. */
export class NoAddressError extends Error {
  /** The system's code for each address, sorted by the address: the same failure reads the same in any order. */
  readonly failures: readonly { address: string; code: string }[];

  constructor(failures: readonly { address: string; code: string }[]) {
    super("every address failed");
    this.failures = [...failures].sort((a, b) => (a.address < b.address ? -1 : 1));
  }
}

/**
 * Connects to the first address that answers. Addresses are begun one after the other and none is given up for being slow:
 * Node's own `autoSelectFamily` gives up every address but the last after 250 ms, and never connects where an answer
 * takes longer.
 *
 * @param addresses in the order in which to try them
 * @param signal destroys whatever is being connected; the promise stays pending then
 * @throws NoAddressError
 */
export function connectFirst(addresses: readonly Address[], port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const waiting = [...addresses];
    const pending = new Set<Socket>();
    const failures: { address: string; code: string }[] = [];
    let timer: NodeJS.Timeout | undefined;
    const stop = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      for (const socket of pending) socket.destroy();
    };
    const next = () => {
      clearTimeout(timer);
      const address = waiting.shift();
      if (address === undefined) {
        if (pending.size > 0) return;
        stop();
        reject(new NoAddressError(failures));
        return;
      }
      const socket = connect({ host: address.address, port });
      pending.add(socket);
      socket.once("connect", () => {
        pending.delete(socket);
        stop();
        resolve(socket);
      });
      // stays for the socket's life: whoever takes it over listens for its end
      socket.on("error", (error) => {
        if (!pending.delete(socket)) return;
        failures.push({ address: address.address, code: systemCode(error) ?? error.message });
        if (!signal.aborted) next();
      });
      timer = setTimeout(next, NEXT_ADDRESS_MS);
    };
    signal.addEventListener("abort", stop, { once: true });
    if (!signal.aborted) next();
  });
}
