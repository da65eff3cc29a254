import type Database from "libsql";
import { z } from "zod";
import type { Changes } from "../records.js";

const rowsSchema = z.array(z.object({ number: z.int(), kind: z.enum(["token", "chat"]), id: z.string() }));
const idsSchema = z.array(z.object({ id: z.string() }));
const rangeSchema = z.object({ first: z.int().nullable(), last: z.int().nullable() });

/**
 * Which tokens and chats were changed, by this process or by a command beside it: triggers enter every change under the next
 * number, and keep the last ten thousand. Sessions are named with the token that they hang on.
 */
export class ChangeLog {
  readonly #range: Database.Statement;
  readonly #since: Database.Statement;
  readonly #below: Database.Statement;
  #seen: number;

  constructor(db: Database.Database) {
    this.#range = db.prepare("select min(number) as first, max(number) as last from changes");
    this.#since = db.prepare("select number, kind, id from changes where number > ? order by number");
    this.#below = db.prepare(
      `with recursive below (id) as (
         select value from json_each(?) union select tokens.id from tokens join below on tokens.parent = below.id
       )
       select id from below`,
    );
    this.#seen = this.#bounds().last;
  }

  /** What has changed since the last call. @returns "all" when that is no longer known */
  take(): Changes | "all" {
    const { first, last } = this.#bounds();
    if (last === this.#seen) return { tokens: new Set(), chats: new Set() };
    // numbers that went back: the database was exchanged below the relay
    if (last < this.#seen || first > this.#seen + 1) {
      this.#seen = last;
      return "all";
    }
    const rows = rowsSchema.parse(this.#since.all(this.#seen));
    const idsOf = (wanted: string) => new Set(rows.filter(({ kind }) => kind === wanted).map(({ id }) => id));
    const tokens = this.#withSessions(idsOf("token"));
    this.#seen = rows.at(-1)?.number ?? last;
    return { tokens, chats: idsOf("chat") };
  }

  /** A session counts as long as the token does that it was traded for: what has changed that one has changed both. */
  #withSessions(tokens: ReadonlySet<string>): ReadonlySet<string> {
    if (tokens.size === 0) return tokens;
    return new Set(idsSchema.parse(this.#below.all(JSON.stringify([...tokens]))).map(({ id }) => id));
  }

  #bounds(): { first: number; last: number } {
    const { first, last } = rangeSchema.parse(this.#range.get());
    return { first: first ?? 0, last: last ?? 0 };
  }
}
