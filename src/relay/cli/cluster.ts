import { command, commandGroup, withSettings } from "../../util/index.js";
import { badUsage } from "./command.js";
import { writeSecret } from "./out-file.js";
import { natsOf, RELAY_SETTINGS, relaySettings, STORE_SETTINGS } from "./settings.js";

/** So many of NATS's servers agree by majority; with an even number as many may fail as with one less. */
const REPLICAS = [1, 3, 5];

const init = command(
  "init",
  "Make what relays share at NATS, or bring it up to what this version needs",
  (argv) =>
    withSettings(
      argv,
      RELAY_SETTINGS,
      STORE_SETTINGS.filter((name) => name !== "data-dir"),
    ).option("replicas", {
      type: "number",
      requiresArg: true,
      demandOption: true,
      describe: "how many of NATS's servers keep each record: 1, 3 or 5",
    }),
  async ({ replicas, ...args }) => {
    const nats = natsOf(relaySettings(args));
    if (nats.servers.length === 0) throw badUsage("--nats", "give --nats URL");
    if (!REPLICAS.includes(replicas)) throw badUsage(`--replicas ${replicas}`, "1, 3 or 5");
    const { initClusterAt } = await import("../store/nats/cluster.js");
    const { streams, advice } = await initClusterAt(nats, replicas);
    for (const { name, done, changes } of streams) {
      process.stdout.write(`${name}: ${[done, ...changes].join(", ")}\n`);
    }
    for (const line of advice) process.stderr.write(`relay: ${line}\n`);
  },
);

const key = command(
  "key",
  "Make a user's key for NATS: write its secret to a file, and print the user's name, which NATS's configuration wants",
  (argv) =>
    argv.option("out", {
      type: "string",
      requiresArg: true,
      demandOption: true,
      describe: "a new file for the secret, which its owner alone may read: for --nats-nkey",
    }),
  async ({ out }) => {
    const { makeNatsUser } = await import("../nats-connection.js");
    const { seed, user } = makeNatsUser();
    await writeSecret(out, async () => seed);
    process.stdout.write(`${user}\n`);
  },
);

export const clusterCommand = commandGroup("cluster", "Set up what relays share at NATS", (argv) =>
  argv.command(init).command(key),
);
