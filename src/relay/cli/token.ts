import { command, commandGroup } from "../../util/index.js";
import { createToken, listTokens, revokeToken } from "../commands.js";
import type { NewToken, TokenEntry } from "../store/index.js";
import { badUsage, JSON_LINES, parseExpiry, placeFrom, printRows, withPlace } from "./command.js";
import { writeSecret } from "./out-file.js";

const create = command(
  "create",
  "Make a token: print it, alone, or write it to a file",
  (argv) =>
    withPlace(argv)
      .option("kind", {
        choices: ["agent", "client"] as const,
        demandOption: true,
        describe: "for the agent of a workspace, or for whoever watches",
      })
      .option("workspace", {
        type: "string",
        requiresArg: true,
        describe: "UUID; an agent's workspace, or the only one that a client may watch",
      })
      .option("user", {
        type: "string",
        requiresArg: true,
        describe: "whom a client's token speaks for; with --auto-bind, who owns the chats",
      })
      .option("auto-bind", {
        type: "boolean",
        default: false,
        describe: "an agent's: chats that it names come to be by themselves, owned by --user",
      })
      .option("admin", { type: "boolean", default: false, describe: "a client that sees every chat" })
      .option("expires", {
        type: "string",
        requiresArg: true,
        describe: "a span (90d, 12h, 30m) or a time (RFC 3339)",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        describe: "a new file for it, which its owner alone may read; nothing is printed",
      }),
  async (argv) => {
    const { out } = argv;
    const make = () => createToken(placeFrom(argv), newToken(argv));
    if (out === undefined) process.stdout.write(`${await make()}\n`);
    else await writeSecret(out, make);
  },
);

const list = command(
  "list",
  "List every token, without its secret",
  (argv) => withPlace(argv).option("json", JSON_LINES),
  async (argv) => {
    printRows((await listTokens(placeFrom(argv))).map(tokenRow), argv.json);
  },
);

const revoke = command(
  "revoke <id>",
  "Make a token worthless; its live sockets are closed",
  (argv) => withPlace(argv).positional("id", { type: "string", demandOption: true, describe: "as listed" }),
  async (argv) => {
    await revokeToken(placeFrom(argv), argv.id);
  },
);

export const tokenCommand = commandGroup("token", "Make, list and revoke the tokens of agents and clients", (argv) =>
  argv.command(create).command(list).command(revoke),
);

interface NewTokenArguments {
  kind: "agent" | "client";
  workspace: string | undefined;
  user: string | undefined;
  admin: boolean;
  autoBind: boolean;
  expires: string | undefined;
}

function newToken({ kind, workspace, user, admin, autoBind, expires }: NewTokenArguments): NewToken {
  const expiry = expires === undefined ? {} : { expiresAt: parseExpiry(expires) };
  if (kind === "agent") {
    if (workspace === undefined) throw badUsage("--kind agent", "it needs --workspace");
    if (admin || (user !== undefined && !autoBind))
      throw badUsage("--kind agent", "--user and --admin are for clients");
    if (autoBind && !user) throw badUsage("--auto-bind", "it needs --user, who owns the chats");
    return { kind, workspace, ...(user !== undefined && { autoBind: user }), ...expiry };
  }
  if (autoBind) throw badUsage("--auto-bind", "it is for agents");
  if (user === undefined) throw badUsage("--kind client", "it needs --user");
  return { kind, user, admin, ...(workspace !== undefined && { workspace }), ...expiry };
}

function tokenRow(token: TokenEntry) {
  return {
    id: token.tokenId,
    kind: token.isSession ? "session" : token.kind,
    workspace: token.workspace ?? null,
    user: token.kind === "client" ? token.user : (token.autoBind ?? null),
    admin: token.kind === "client" && token.admin,
    created: token.createdAt.toISOString(),
    expires: token.expiresAt?.toISOString() ?? null,
    revoked: token.revokedAt?.toISOString() ?? null,
  };
}
