import contentDisposition from "content-disposition";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { idSchema } from "../../protocol/index.js";
import { accept, FILE_TYPES, MAX_FILE_BYTES, REFUSALS, RefusedError } from "../answers.js";
import { BlobTooLargeError } from "../store/index.js";
import { clientOf, type HttpContext, type HttpServer, queryOf } from "./context.js";
import { fileName } from "./file-name.js";
import { errorResponses } from "./schemas.js";
import { sniffImage } from "./sniff.js";

/** The chat file routes, on the relay's own store (docs/protocol.md). */
export function fileRoutes(context: HttpContext, hide: boolean) {
  return async (http: HttpServer): Promise<void> => {
    // the body is a stream of bytes, whatever it says it is
    http.removeAllContentTypeParsers();
    http.addContentTypeParser("*", (_request, _payload, done) => done(null));
    http.route({
      method: "POST",
      url: "/chats/files",
      schema: {
        hide,
        summary: "Upload a chat file",
        description: `The body is the file: ${FILE_TYPES.join(", ")}, at most ${MAX_FILE_BYTES} bytes.`,
        querystring: z.object({ organization: z.unknown().optional() }),
        response: { 201: z.object({ id: idSchema }), ...errorResponses(400, 401, 413) },
      },
      handler: (request, reply) => upload(context, request, reply),
    });
    http.route({
      method: ["GET", "HEAD"],
      url: "/chats/files/:file",
      schema: {
        hide,
        summary: "A chat file's bytes",
        params: z.object({ file: z.string() }),
        response: { 200: z.any().describe("The bytes, with the stored type."), ...errorResponses(400, 401, 404) },
      },
      handler: (request, reply) => download(context, request, request.params.file, reply),
    });
  };
}

async function upload(context: HttpContext, request: FastifyRequest, reply: FastifyReply) {
  const { own, store } = context;
  const client = await clientOf(context, own, request);
  const asked = queryOf(request).get("organization");
  if (!asked) throw new RefusedError(REFUSALS.noOrganization);
  const organization = idSchema.safeParse(asked).data;
  if (organization === undefined) throw new RefusedError(REFUSALS.invalidOrganization);
  const declared = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase() ?? "";
  if (!(FILE_TYPES as readonly string[]).includes(declared)) throw new RefusedError(REFUSALS.unsupportedType);
  if (Number(request.headers["content-length"] ?? 0) > MAX_FILE_BYTES) throw new RefusedError(REFUSALS.fileTooLarge);

  // what is too much is read and dropped, so that the answer reaches those who are still sending
  const bytes = request.raw.iterator({ destroyOnReturn: false });
  const blob = await store.blobs.stage(bytes, MAX_FILE_BYTES).catch((thrown: unknown) => {
    throw thrown instanceof BlobTooLargeError ? new RefusedError(REFUSALS.fileTooLarge) : thrown;
  });
  const { digest, size, head } = blob;
  try {
    const type = sniffImage(head);
    if (type === undefined) throw new RefusedError(REFUSALS.unsupportedType);
    await blob.commit();
    const name = fileName(request.headers["content-disposition"]);
    const { id } = store.files.add({
      organization,
      owner: client.user,
      name,
      type,
      size,
      digest,
    });
    return reply.code(201).send({ id });
  } finally {
    await blob.discard();
  }
}

async function download(context: HttpContext, request: FastifyRequest, asked: string, reply: FastifyReply) {
  const { own, store } = context;
  const client = await clientOf(context, own, request);
  const id = idSchema.safeParse(asked).data;
  if (id === undefined) throw new RefusedError(REFUSALS.invalidFileId);
  const file = store.files.get(id);
  const mayRead = file !== undefined && (client.admin || file.owner === client.user);
  const entry = accept(mayRead ? { ok: file } : { refusal: REFUSALS.notFound });
  const etag = `"${entry.digest}"`;
  reply.headers({
    "Cache-Control": "private, max-age=31536000, immutable",
    "Content-Disposition": contentDisposition(entry.name === "" ? undefined : entry.name, { type: "inline" }),
    "X-Content-Type-Options": "nosniff",
    ETag: etag,
  });
  if (matches(request.headers["if-none-match"], etag)) return reply.code(304).send();
  reply.headers({ "Content-Type": entry.type, "Content-Length": entry.size });
  if (request.method === "HEAD") return reply.send();
  return reply.send(await store.blobs.read(entry.digest));
}

/** RFC 9110, 13.1.2: a list of tags or `*`, compared weakly. */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const tags = ifNoneMatch.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes("*") || tags.includes(etag);
}
