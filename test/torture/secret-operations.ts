import { privateKey, samples } from "../secrets/samples.js";
import type { Random } from "../support/random.js";
import type { Operation } from "./operations.js";

const PLACES = [
  "src/a.txt",
  "src/core/main.js",
  "lib/b.c",
  "README.md",
  "new/a/b/notes.tmp",
  "docs/a.txt",
  "x y/a.txt",
];
const HIDDEN = [".env", "src/.env.local", "id_rsa", "new/id_ed25519", "lib/service.pem", ".env.example", ".npmrc"];

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
const seedOf = (random: Random): number => random.below(1_000_000);
const secret = (random: Random): string => random.pick(samples(seedOf(random))).text;
const key = (random: Random): string[] =>
  privateKey(seedOf(random), random.pick(["", "RSA", "EC"]), random.small(1, 40));
const anyPlace = (random: Random): string => random.pick(random.chance(0.3) ? HIDDEN : PLACES);
const printed = (lines: readonly string[]): string => `printf '%s\\n' ${lines.map(quote).join(" ")}`;

/** What people do with secrets without thinking of it, as {@link Operation}s. */
export const SECRET_OPERATIONS: readonly Operation[] = [
  (r) => `${printed([`const token = "${secret(r)}";`])} >> ${quote(anyPlace(r))}`,
  (r) => `${printed([`API_KEY=${secret(r)}`, "DEBUG=1", `URL=${secret(r)}`])} > ${quote(r.pick(HIDDEN))}`,
  (r) => `${printed(key(r))} >> ${quote(anyPlace(r))}`,
  // half of a key, the other half in another edit, or never
  (r) => {
    const lines = key(r);
    const at = r.below(lines.length);
    const place = quote(anyPlace(r));
    return `${printed(lines.slice(0, at))} >> ${place}; sleep 0.0${r.below(9)}; ${printed(lines.slice(at))} >> ${place}`;
  },
  (r) =>
    `${printed(key(r).slice(r.below(3)))} | cat - ${quote(r.pick(PLACES))} > tmp && mv tmp ${quote(r.pick(PLACES))}`,
  // what stood above a block, or within one, changes; what says that it is one goes, or comes
  (r) => `sed -i ${r.below(30) + 1}d ${quote(anyPlace(r))}`,
  (r) => `sed -i '/BEGIN/d' ${quote(anyPlace(r))}`,
  (r) => `sed -i '/END/d' ${quote(anyPlace(r))}`,
  (r) => `sed -i '1i -----BEGIN PRIVATE KEY-----' ${quote(anyPlace(r))}`,
  (r) => `sed -i 's/$/ ${r.below(9)}/' ${quote(anyPlace(r))}`,
  (r) => `mv ${quote(anyPlace(r))} ${quote(anyPlace(r))}`,
  (r) => `cp ${quote(anyPlace(r))} ${quote(anyPlace(r))}`,
  (r) => `mv ${quote(r.pick(PLACES))} ${quote(`src/${secret(r).replaceAll("/", "")}`)}`,
  (r) => `git add -f ${quote(anyPlace(r))}; git commit -qm ${quote(secret(r))}`,
  (r) => `git mv -f ${quote(anyPlace(r))} ${quote(anyPlace(r))}`,
];
