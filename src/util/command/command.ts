import type { ArgumentsCamelCase, Argv, CommandModule } from "yargs";
import { VERSION } from "../version.js";

/** A command whose handler gets the arguments that its builder declares. */
export function command<T>(
  name: string,
  describe: string,
  builder: (argv: Argv) => Argv<T>,
  handler: (argv: ArgumentsCamelCase<T>) => void | Promise<void>,
): CommandModule<object, T> {
  return { command: name, describe, builder, handler };
}

/** A command that only holds others. */
export function commandGroup(name: string, describe: string, add: (argv: Argv) => Argv): CommandModule {
  return {
    command: name,
    describe,
    builder: (argv) => add(argv).demandCommand(1, `${name}: a command is needed`),
    handler: () => undefined,
  };
}

/**
 * What every program's parser ends with: help at the terminal's width and the version, also by one letter.
 *
 * @param columns of the terminal; where there is none, 80
 */
export function endParser<T>(parser: Argv<T>, columns = process.stdout.columns ?? 80): Argv<T> {
  return parser.version(VERSION).alias("version", "V").help().alias("help", "h").wrap(columns);
}

/** Resolves when the process is asked to stop. A second signal, whichever of the two, ends the process at once. */
export function stopSignal(): Promise<void> {
  const signals = ["SIGTERM", "SIGINT"] as const;
  return new Promise((resolve) => {
    const stop = () => {
      for (const signal of signals) process.off(signal, stop);
      resolve();
    };
    for (const signal of signals) process.on(signal, stop);
  });
}
