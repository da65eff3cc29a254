import { type DestinationStream, type Logger, pino } from "pino";
import type { LogLevel } from "./log-level.js";
import { withoutCredentials } from "./secrets/credentials.js";

export type { Logger } from "pino";

/**
 * A JSON logger on standard error: standard output belongs to what the programs are asked to print.
 * Fields that could hold a secret are masked wherever they stand, and URLs lose their credentials. An error is logged as the field `err`, with its stack,
 * where the stack says more than the registry's code and message; those stand as `code` and the line's text.
 *
 * @param name the program
 * @param level the least level that is written
 * @param destination for tests
 */
export function createLogger(name: string, level: LogLevel, destination?: DestinationStream): Logger {
  const secrets = ["token", "authorization", "cookie", "password", '["coder-session-token"]'];
  return pino(
    {
      name,
      level,
      // the line as it is written: fields, messages and stacks alike
      hooks: { streamWrite: withoutCredentials },
      redact: {
        paths: secrets.flatMap((key) => (key.startsWith("[") ? [key, `*${key}`] : [key, `*.${key}`, `*.*.${key}`])),
      },
    },
    destination ?? pino.destination({ dest: 2, sync: true }),
  );
}

/** A logger that writes nothing, for tests and for one-shot commands. */
export function silentLogger(): Logger {
  return pino({ level: "silent" });
}
