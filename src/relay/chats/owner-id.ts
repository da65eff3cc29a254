import { createHash } from "node:crypto";
import { idSchema } from "../../protocol/index.js";

/** The UUID of nobody (RFC 9562, 5.9): what clients that parse a UUID are given where there is none. */
export const NIL_ID = "00000000-0000-0000-0000-000000000000";

/** What the ids of names are made in. It never changes: ids that clients have kept would change with it. */
const NAMESPACE = "5d1f2c1e-6f0e-4b5c-9d6a-2f3a3a0d8a44";

/**
 * The id of a chat's owner, for clients that parse a UUID (docs/protocol.md, "A chat").
 *
 * @param owner `undefined`: nobody
 * @returns an owner that is a UUID as it is, in lower case; of a name the UUID of version 5 (RFC 9562, 5.5); of nobody
 *   {@link NIL_ID}
 */
export function ownerId(owner: string | undefined): string {
  if (owner === undefined) return NIL_ID;
  const id = idSchema.safeParse(owner).data;
  if (id !== undefined) return id;
  const bytes = createHash("sha1")
    .update(Buffer.from(NAMESPACE.replaceAll("-", ""), "hex"))
    .update(owner)
    .digest();
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}
