import { type DestinationStream, type Logger, type LoggerOptions, pino } from "pino";
import { withoutCredentials } from "../secrets/credentials.js";
import type { LogLevel } from "./log-level.js";
import { standardLines } from "./standard-streams.js";

export type { Logger } from "pino";

/**
 * A JSON logger on standard error: standard output belongs to what the programs are asked to print. Logging never waits and
 * never fails; what nobody takes is dropped in the end, and counted ({@link standardLines}). Fields that could hold a secret
 * are masked wherever they stand, and URLs lose their credentials. An error is logged as the field `err`, with its stack,
 * where the stack says more than the registry's code and message; those stand as `code` and the line's text.
 *
 * @param name the program
 * @param level the least level that is written
 * @param destination for tests
 */
export function createLogger(name: string, level: LogLevel, destination?: DestinationStream): Logger {
  const secrets = ["token", "authorization", "cookie", "password", '["coder-session-token"]'];
  const options: LoggerOptions = {
    name,
    level,
    // the line as it is written: fields, messages and stacks alike
    hooks: { streamWrite: withoutCredentials },
    redact: {
      paths: secrets.flatMap((key) => (key.startsWith("[") ? [key, `*${key}`] : [key, `*.${key}`, `*.*.${key}`])),
    },
  };
  return pino(options, destination ?? standardError(name));
}

/** A logger that writes nothing, for tests and for one-shot commands. */
export function silentLogger(): Logger {
  return pino({ level: "silent" });
}

/** Standard error, where the line about lines that were dropped is one of the log's, whatever the log's level is. */
function standardError(name: string): DestinationStream {
  const lines = standardLines(2);
  let note = "";
  const notes = pino(
    { name },
    {
      write: (line) => {
        note = line;
      },
    },
  );
  lines.describeDropped = (dropped) => {
    notes.warn({ dropped }, "lines of this log were dropped here: nothing could be written");
    return note;
  };
  return lines;
}
