// How long a session's records stay at NATS.
import { jetstreamManager } from "@nats-io/jetstream";
import t from "tap";
import { RECORD_STREAM } from "../../../../src/relay/store/nats/streams.js";
import { recordSubjects } from "../../../../src/relay/store/nats/subjects.js";
import { withoutNats } from "../../../support/nats-server.js";
import { startStores } from "./support.js";

const skip = withoutNats;
const DAY_MS = 86_400_000;
const idOf = (token: string) => token.split("_")[1] ?? "";

t.test("a session's records go a day after it has expired, also when it was ended", { skip }, async (t) => {
  const { connection, open } = await startStores(t);
  const store = await open();
  const { streams } = await jetstreamManager(connection);
  const expiresAt = new Date(Date.now() + 3_600_000);
  /** When it goes, in milliseconds since it has expired; `undefined`: it stays. */
  const goes = async (subject: string) => {
    const message = await streams.getMessage(RECORD_STREAM, { last_by_subj: subject });
    const [, seconds] = /^(\d+)s$/.exec(message?.header.get("Nats-TTL") ?? "") ?? [];
    if (message === null || seconds === undefined) return undefined;
    return message.time.getTime() + Number(seconds) * 1_000 - expiresAt.getTime();
  };
  const isADay = (ms: number | undefined) => ms !== undefined && ms >= DAY_MS && ms < 2 * DAY_MS;
  const parent = await store.tokens.create({ kind: "client", user: "alice", expiresAt });
  const common = { kind: "client", user: "alice", isSession: true, parent: idOf(parent) } as const;
  const session = await store.tokens.create({ ...common, expiresAt });
  const lasting = await store.tokens.create(common);
  t.ok(isADay(await goes(recordSubjects.token(idOf(session)))));
  t.ok(isADay(await goes(recordSubjects.session(idOf(parent), idOf(session)))));
  t.ok(await store.tokens.endSession(session));
  t.ok(isADay(await goes(recordSubjects.token(idOf(session)))), "it is remembered that it has ended");
  t.equal(await goes(recordSubjects.token(idOf(lasting))), undefined, "one that does not expire stays");
  t.equal(await goes(recordSubjects.token(idOf(parent))), undefined, "and so does what is no session");
});
