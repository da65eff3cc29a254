import { type FastifyReply, type FastifyRequest, LogController } from "fastify";

/**
 * What the log has of requests. Ordinary ones, and those whose caller goes away, are nothing that an operator has to look at:
 * `debug`. What the relay fails at is logged where it fails.
 */
export class RequestLog extends LogController {
  override incomingRequest(request: FastifyRequest): void {
    request.log.debug({ req: request }, "incoming request");
  }

  /** @param error of the socket that the answer was written to */
  override requestCompleted(error: Error | null | undefined, _request: FastifyRequest, reply: FastifyReply): void {
    if (error) reply.log.debug({ res: reply, err: error }, "the client has gone");
    else reply.log.debug({ res: reply, responseTime: reply.elapsedTime }, "request completed");
  }

  override streamError(error: Error & { code?: string }, request: FastifyRequest, reply: FastifyReply): void {
    if (error.code === "ERR_STREAM_PREMATURE_CLOSE") reply.log.debug({ res: reply }, "the client has gone");
    else super.streamError(error, request, reply);
  }
}
