import { createHash, randomBytes } from "node:crypto";

const SECRET_BYTES = 16;
/** So many bytes in base64url; anything else is none, and is not looked for. */
const SECRET_FORM = /^[A-Za-z0-9_-]{22}$/;

/**
 * A new invite's secret. It has 128 random bits and is kept as its hash alone; a lookup by that hash tells nothing of the secret by
 * its time.
 */
export function newInviteSecret(): string {
  return randomBytes(SECRET_BYTES).toString("base64url");
}

/** By what an invite is kept. @param secret what somebody says it is @returns hexadecimal; `undefined`: it is none */
export function inviteHash(secret: string): string | undefined {
  return SECRET_FORM.test(secret) ? createHash("sha256").update(secret).digest("hex") : undefined;
}
