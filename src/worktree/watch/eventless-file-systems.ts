import { statfsSync } from "node:fs";
import { bytesOfText } from "../../git/index.js";
import { systemCode } from "../../util/index.js";
import { isAtOrBelow } from "./mount-table.js";

/**
 * File systems whose changes come from elsewhere, so that inotify reports none or only the local ones, by the magic
 * number that `statfs` gives (statfs(2)).
 */
const EVENTLESS: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x01021997, "9P"],
  [0x65735546, "FUSE"],
  [0x786f4256, "VirtualBox shared folder"],
  [0x00c36400, "Ceph"],
  [0x5346414f, "AFS"],
]);

/**
 * The name of the first file system at a directory or below it that does not report all changes, else `undefined`.
 *
 * @param directory absolute
 * @param points where something is mounted, as absolute byte paths
 */
export function eventlessWithin(directory: string, points: Iterable<string>): string | undefined {
  const top = bytesOfText(directory);
  const below = [...points].filter((point) => point !== top && isAtOrBelow(point, top));
  for (const place of [directory, ...below.map((point) => Buffer.from(point, "latin1"))]) {
    const name = eventlessFileSystem(place);
    if (name !== undefined) return name;
  }
  return undefined;
}

/** The name of the file system at a path when it does not report all changes, else `undefined`. */
export function eventlessFileSystem(path: string | Buffer): string | undefined {
  try {
    return EVENTLESS.get(Number(statfsSync(path).type) >>> 0);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined; // gone again, or not ours to look at
  }
}
