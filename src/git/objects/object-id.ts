import { createHash, type Hash, hash } from "node:crypto";

/** Full lower-case hexadecimal object id: 40 digits (SHA-1), or 64 in a SHA-256 repository. */
export type Oid = string;

/** How a repository names its objects: `extensions.objectFormat`. */
export interface ObjectFormat {
  readonly name: "sha1" | "sha256";
  /** Bytes of an object id. */
  readonly bytes: 20 | 32;
  /** The id of the tree without entries, which exists in every repository. */
  readonly emptyTree: Oid;
  /** The id of the blob without bytes. */
  readonly emptyBlob: Oid;
}

export const SHA1: ObjectFormat = {
  name: "sha1",
  bytes: 20,
  emptyTree: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
  emptyBlob: "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
};

export const SHA256: ObjectFormat = {
  name: "sha256",
  bytes: 32,
  emptyTree: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
  emptyBlob: "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
};

/** A hash that has taken in the header of a blob; its hexadecimal digest is the object id. @param size in bytes */
export function startBlobHash(size: number, format: ObjectFormat): Hash {
  return startHash("blob", size, format);
}

/** The object id of a blob. */
export function hashBlob(content: Uint8Array, format: ObjectFormat): Oid {
  return hashObject("blob", content, format);
}

/** A shorter object is hashed in one call, header and content together: a hash that takes in both costs twice the time. */
const SHORT_BYTES = 2048;

/** The id of an object. @param type `blob`, `tree`, `commit` or `tag` */
export function hashObject(type: string, content: Uint8Array, format: ObjectFormat): Oid {
  const { length } = content;
  if (length >= SHORT_BYTES) return startHash(type, length, format).update(content).digest("hex");
  const header = headerOf(type, length);
  const object = Buffer.allocUnsafe(header.length + length);
  object.write(header, "latin1");
  object.set(content, header.length);
  return hash(format.name, object, "hex");
}

function startHash(type: string, size: number, format: ObjectFormat): Hash {
  return createHash(format.name).update(headerOf(type, size));
}

/** What stands before an object's content as it is hashed. @param size in bytes */
function headerOf(type: string, size: number): string {
  return `${type} ${size}\0`;
}

/** Whether text is a full lower-case hexadecimal id of the format. */
export function isOid(text: string, format: ObjectFormat): boolean {
  return text.length === format.bytes * 2 && /^[0-9a-f]+$/.test(text);
}
