import { JetStreamApiCodes, JetStreamApiError, jetstreamManager, type StreamConfig } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";

/** Tokens, chats and all that a write of them may depend on: a batch that is written whole or not at all has one stream. */
export const RECORD_STREAM = "TW_RECORD";

/** Where each change of a record is told, without its content: the rest of the subject is the record's. */
export const CHANGE_PREFIX = "tw1.chg";

/** The bytes of files, in pieces. */
export const BLOB_STREAM = "TW_BLOB";

/** @param replicas how many of NATS's servers keep each message */
function streamsOf(replicas: number): (Partial<StreamConfig> & { name: string })[] {
  const common = { num_replicas: replicas, max_msgs_per_subject: 1, allow_direct: true };
  return [
    {
      ...common,
      name: RECORD_STREAM,
      subjects: ["rec.>"],
      allow_atomic: true,
      allow_msg_ttl: true,
      republish: { src: "rec.>", dest: `${CHANGE_PREFIX}.>`, headers_only: true },
    },
    { ...common, name: BLOB_STREAM, subjects: ["blob.>"] },
  ];
}

/**
 * Makes the streams that relays share, or brings those that are there up to what this version wants.
 *
 * @param replicas how many of NATS's servers keep each message: 1, 3 or 5
 * @throws what NATS refuses: too few servers, no JetStream; an error when its version knows no batches
 */
export async function initCluster(connection: NatsConnection, replicas: number): Promise<void> {
  const { streams } = await jetstreamManager(connection);
  for (const config of streamsOf(replicas)) {
    try {
      await streams.update(config.name, config);
    } catch (thrown) {
      if (!(thrown instanceof JetStreamApiError) || thrown.code !== JetStreamApiCodes.StreamNotFound) throw thrown;
      await streams.add(config);
    }
  }
  requireBatches((await streams.info(RECORD_STREAM)).config);
}

/**
 * A server before 2.12 knows nothing of batches, says nothing of that, and would write each message of one by itself.
 *
 * @param config of {@link RECORD_STREAM}, as the server has it @throws an error
 */
export function requireBatches({ allow_atomic: takesBatches, republish }: StreamConfig): void {
  if (takesBatches === true && republish !== undefined) return;
  throw new Error(`the stream ${RECORD_STREAM} was not made as relays need it, by NATS 2.12 or newer`);
}
