import { statfsSync } from "node:fs";
import { systemCode } from "../../util/index.js";

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

/** The name of the file system under a path when it does not report all changes, else `undefined`. */
export function eventlessFileSystem(path: string | Buffer): string | undefined {
  try {
    return EVENTLESS.get(Number(statfsSync(path).type) >>> 0);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined; // gone again, or not ours to look at
  }
}
