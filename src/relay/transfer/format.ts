import { z } from "zod";
import { idSchema } from "../../protocol/index.js";
import type { FileEntry, TransferRecord } from "../store/index.js";

/** The version of the format, which docs/operating.md describes: another one is refused. */
const VERSION = 1;
/** Bytes of a file in one line. */
export const PIECE_BYTES = 48 * 1024;

/** What an export has of each kind. */
export interface Counts {
  tokens: number;
  invites: number;
  chats: number;
  files: number;
}

/** A line of an export. */
export type ExportLine =
  | { kind: "begin"; exportedAt: Date }
  | { kind: "record"; record: TransferRecord }
  /** Its bytes follow, in lines of their own, until there are as many as it says. */
  | { kind: "file"; file: FileEntry }
  /** `undefined`: the file was deleted while it was exported. */
  | { kind: "bytes"; bytes: Uint8Array | undefined }
  | { kind: "end"; counts: Counts };

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const tokenId = z.string().regex(/^[0-9a-f]{16}$/);
const time = z.iso.datetime().transform((text) => new Date(text));
const count = z.int().nonnegative();

const beginSchema = z.strictObject({ treewire_export: z.literal(VERSION), exported_at: time });
const tokenSchema = z.strictObject({
  id: tokenId,
  kind: z.enum(["agent", "client"]),
  sha256: hash,
  workspace: idSchema.optional(),
  user: z.string().optional(),
  admin: z.boolean(),
  created_at: time,
  expires_at: time.optional(),
  revoked_at: time.optional(),
  parent: tokenId.optional(),
  session: z.boolean(),
  chat: z.string().optional(),
});
const inviteSchema = z.strictObject({
  sha256: hash,
  kind: z.enum(["agent", "view"]),
  workspace: idSchema,
  chat: idSchema,
  owner: z.string(),
  relay: z.string(),
  uses: z.int().positive(),
  expires_at: time,
});
const chatSchema = z
  .strictObject({
    id: idSchema,
    owner: z.string().optional(),
    workspace: idSchema.optional(),
    paths: z.array(z.string()),
    base: z.string(),
    parent: idSchema.optional(),
    title: z.string(),
    labels: z.record(z.string(), z.string()),
    archived: z.boolean(),
    created_at: time,
    updated_at: time,
    has_children: z.boolean(),
  })
  .refine(({ id, parent }) => parent !== id, "a chat cannot be its own parent");
const fileSchema = z.strictObject({
  id: idSchema,
  organization: z.string(),
  owner: z.string(),
  name: z.string(),
  type: z.string(),
  size: count,
  sha256: hash,
});
const endSchema = z.strictObject({ tokens: count, invites: count, chats: count, files: count });

const lineSchema = z.union([
  beginSchema.transform(({ exported_at: exportedAt }): ExportLine => ({ kind: "begin", exportedAt })),
  z.strictObject({ token: tokenSchema }).transform(({ token }): ExportLine => {
    const { sha256, created_at: createdAt, expires_at: expiresAt, revoked_at: revokedAt, session, ...rest } = token;
    return {
      kind: "record",
      record: {
        kind: "token",
        token: {
          ...{ workspace: undefined, user: undefined, parent: undefined, chat: undefined },
          ...rest,
          hash: Buffer.from(sha256, "hex"),
          createdAt: createdAt.getTime(),
          expiresAt: expiresAt?.getTime(),
          revokedAt: revokedAt?.getTime(),
          isSession: session,
        },
      },
    };
  }),
  z.strictObject({ invite: inviteSchema }).transform(({ invite }): ExportLine => {
    const { sha256, expires_at: expiresAt, ...rest } = invite;
    return {
      kind: "record",
      record: { kind: "invite", invite: { ...rest, hash: sha256, expiresAt: expiresAt.getTime() } },
    };
  }),
  z.strictObject({ chat: chatSchema }).transform(({ chat }): ExportLine => {
    const { created_at: createdAt, updated_at: updatedAt, has_children: hasChildren, ...rest } = chat;
    const none = { owner: undefined, workspace: undefined, parent: undefined };
    return { kind: "record", record: { kind: "chat", chat: { ...none, ...rest, createdAt, updatedAt }, hasChildren } };
  }),
  z.strictObject({ file: fileSchema }).transform(({ file: { sha256: digest, ...rest } }): ExportLine => {
    return { kind: "file", file: { ...rest, digest } };
  }),
  z
    .strictObject({
      bytes: z
        .base64()
        .max(2 * PIECE_BYTES)
        .nullable(),
    })
    .transform(({ bytes }): ExportLine => {
      return { kind: "bytes", bytes: bytes === null ? undefined : Buffer.from(bytes, "base64") };
    }),
  z.strictObject({ end: endSchema }).transform(({ end }): ExportLine => ({ kind: "end", counts: end })),
]);

/** @param text a line, without its end @returns `undefined`: it is none of an export */
export function parseLine(text: string): ExportLine | undefined {
  try {
    return lineSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** A line as it is written, without its end: what {@link parseLine} takes. */
export function formatLine(line: ExportLine): string {
  return JSON.stringify(jsonOf(line));
}

function jsonOf(line: ExportLine): z.input<typeof lineSchema> {
  switch (line.kind) {
    case "begin":
      return { treewire_export: VERSION, exported_at: line.exportedAt.toISOString() };
    case "record":
      return recordJson(line.record);
    case "file": {
      const { digest: sha256, ...rest } = line.file;
      return { file: { ...rest, sha256 } };
    }
    case "bytes":
      return { bytes: line.bytes === undefined ? null : Buffer.from(line.bytes).toString("base64") };
    case "end":
      return { end: line.counts };
  }
}

function recordJson(record: TransferRecord): z.input<typeof lineSchema> {
  if (record.kind === "token") {
    const { id, kind, hash: sha256, workspace, user, admin, parent, isSession: session, chat } = record.token;
    const { createdAt, expiresAt, revokedAt } = record.token;
    return {
      token: {
        ...{ id, kind, sha256: Buffer.from(sha256).toString("hex"), workspace, user, admin },
        created_at: iso(createdAt),
        ...(expiresAt !== undefined && { expires_at: iso(expiresAt) }),
        ...(revokedAt !== undefined && { revoked_at: iso(revokedAt) }),
        ...{ parent, session, chat },
      },
    };
  }
  if (record.kind === "invite") {
    const { hash: sha256, expiresAt, ...rest } = record.invite;
    return { invite: { sha256, ...rest, expires_at: iso(expiresAt) } };
  }
  const { createdAt, updatedAt, paths, labels, ...rest } = record.chat;
  const times = { created_at: createdAt.toISOString(), updated_at: updatedAt.toISOString() };
  return { chat: { ...rest, paths: [...paths], labels: { ...labels }, ...times, has_children: record.hasChildren } };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
