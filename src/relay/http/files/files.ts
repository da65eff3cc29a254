import { setTimeout as sleep } from "node:timers/promises";
import contentDisposition from "content-disposition";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { idSchema } from "../../../protocol/index.js";
import { systemCode } from "../../../util/index.js";
import type { Upload } from "../../access/index.js";
import { accept, MAX_FILE_BYTES, REFUSALS, RefusedError } from "../../answers.js";
import { RepeatedLog } from "../../repeated-log.js";
import { BlobTooLargeError, type FileEntry, type StagedBlob, troubleOf } from "../../store/index.js";
import { clientOf, type HttpContext, type HttpServer, queryOf } from "../context.js";
import { freeBuffer } from "../free-buffer.js";
import { callerErrors } from "../schemas.js";
import { fileName } from "./file-name.js";
import { classify, type FileTypes, headersOf, TextCheck, typesOf, unsupportedType } from "./file-types.js";

/** The chat file routes, on the relay's own store (docs/protocol.md). @param types what may be uploaded */
export function fileRoutes(context: HttpContext, types: FileTypes, hide: boolean) {
  return async (http: HttpServer): Promise<void> => {
    const log = new RepeatedLog(http.log);
    // the body is a stream of bytes, whatever it says it is
    http.removeAllContentTypeParsers();
    http.addContentTypeParser("*", (_request, _payload, done) => done(null));
    http.route({
      method: "POST",
      url: "/chats/files",
      schema: {
        hide,
        summary: "Upload a chat file",
        description: `The body is the file: ${typesOf(types).join(", ")}, at most ${MAX_FILE_BYTES} bytes.`,
        querystring: z.object({ organization: z.unknown().optional() }),
        response: { 201: z.object({ id: idSchema }), ...callerErrors(403, 413, 415, 503, 507) },
      },
      handler: (request, reply) => upload(context, types, request, reply, log),
    });
    http.route({
      method: ["GET", "HEAD"],
      url: "/chats/files/:file",
      schema: {
        hide,
        summary: "A chat file's bytes",
        params: z.object({ file: z.string() }),
        response: { 200: z.any().describe("The bytes, with the stored type."), ...callerErrors(404) },
      },
      handler: (request, reply) => download(context, request, request.params.file, reply),
    });
    http.delete(
      "/chats/files/:file",
      {
        schema: {
          hide,
          summary: "Delete a chat file",
          params: z.object({ file: z.string() }),
          response: { 204: z.null().describe("Done."), ...callerErrors(404, 415) },
        },
      },
      (request, reply) => remove(context, request, request.params.file, reply),
    );
  };
}

async function upload(
  context: HttpContext,
  types: FileTypes,
  request: FastifyRequest,
  reply: FastifyReply,
  log: RepeatedLog,
) {
  const { own, store, uploads } = context;
  const client = await clientOf(context, own, request);
  if (client.chat !== undefined) throw new RefusedError(REFUSALS.forbidden);
  const asked = queryOf(request).get("organization");
  if (!asked) throw new RefusedError(REFUSALS.noOrganization);
  const organization = idSchema.safeParse(asked).data;
  if (organization === undefined) throw new RefusedError(REFUSALS.invalidOrganization);
  const type = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase() ?? "";
  if (!typesOf(types).includes(type)) throw new RefusedError(unsupportedType(types));
  const length = request.headers["content-length"];
  const declared = length === undefined ? undefined : Number(length);
  if (declared !== undefined && declared > MAX_FILE_BYTES) throw new RefusedError(REFUSALS.fileTooLarge);

  const upload = await uploads.begin({ tokenId: client.tokenId, owner: client.user, organization, declared });
  let blob: StagedBlob | undefined;
  try {
    const text = new TextCheck();
    blob = await store.files.stage(counted(request, upload, text), MAX_FILE_BYTES);
    const { digest, size, head } = blob;
    const found = classify(types, type, head, text.end());
    if (found === undefined) throw new RefusedError(unsupportedType(types));
    const name = fileName(request.headers["content-disposition"]);
    const file = { organization, owner: client.user, name, type: found, size, digest };
    // the bytes may have taken minutes: the token is looked at once more when the file is entered
    const { id } = await store.files.add(blob, file, { by: client.tokenId, entered: () => upload.end() });
    return reply.code(201).send({ id });
  } catch (thrown) {
    if (thrown instanceof BlobTooLargeError) throw new RefusedError(REFUSALS.fileTooLarge);
    if (isDiskFull(thrown)) {
      log.warn("", { err: thrown }, "no room for an upload");
      throw new RefusedError(REFUSALS.insufficientStorage);
    }
    throw thrown;
  } finally {
    try {
      await blob?.discard();
    } finally {
      upload.end();
    }
  }
}

/** The bytes of a request, counted before they are written. A chunk's memory is gone when the next one is asked for. */
async function* counted(request: FastifyRequest, upload: Upload, text: TextCheck): AsyncGenerator<Uint8Array> {
  const chunks: AsyncIterable<Buffer> = request.raw.iterator({ destroyOnReturn: false });
  for await (const chunk of chunks) {
    const waitMs = await upload.grow(chunk.length);
    text.push(chunk);
    yield chunk;
    freeBuffer(chunk);
    if (waitMs > 0) await sleep(waitMs);
  }
}

/** What the file system says when there is no room, or none for this user, or a file may not be so large. */
const DISK_FULL = new Set(["ENOSPC", "EDQUOT", "EFBIG", "EROFS"]);

function isDiskFull(thrown: unknown): boolean {
  return DISK_FULL.has(systemCode(thrown) ?? "") || troubleOf(thrown) === "full";
}

/** The file that a request names, if the caller may see it. @throws RefusedError */
async function fileOf(context: HttpContext, request: FastifyRequest, asked: string): Promise<FileEntry> {
  const { own, store } = context;
  const client = await clientOf(context, own, request);
  const id = idSchema.safeParse(asked).data;
  if (id === undefined) throw new RefusedError(REFUSALS.invalidFileId);
  const file = await store.files.get(id);
  const maySee = file !== undefined && client.chat === undefined && (client.admin || file.owner === client.user);
  return accept(maySee ? { ok: file } : { refusal: REFUSALS.notFound });
}

async function download(context: HttpContext, request: FastifyRequest, asked: string, reply: FastifyReply) {
  const entry = await fileOf(context, request, asked);
  const etag = `"${entry.digest}"`;
  const { type, disposition, extra } = headersOf(entry.type);
  reply.headers({
    "Cache-Control": "private, max-age=31536000, immutable",
    "Content-Disposition": contentDisposition(entry.name === "" ? undefined : entry.name, { type: disposition }),
    "X-Content-Type-Options": "nosniff",
    ETag: etag,
    ...extra,
  });
  if (matches(request.headers["if-none-match"], etag)) return reply.code(304).send();
  reply.headers({ "Content-Type": type, "Content-Length": entry.size });
  if (request.method === "HEAD") return reply.send();
  const bytes = await context.store.files.read(entry);
  if (bytes === undefined) throw new RefusedError(REFUSALS.notFound);
  return reply.send(bytes);
}

async function remove(context: HttpContext, request: FastifyRequest, asked: string, reply: FastifyReply) {
  const entry = await fileOf(context, request, asked);
  if (!(await context.store.files.remove(entry))) throw new RefusedError(REFUSALS.notFound);
  return reply.code(204).send();
}

/** RFC 9110, 13.1.2: a list of tags or `*`, compared weakly. */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const tags = ifNoneMatch.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes("*") || tags.includes(etag);
}
