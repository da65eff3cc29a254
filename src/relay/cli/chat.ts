import { command, commandGroup } from "../../util/index.js";
import { bindChat, listChats, unbindChat } from "../commands.js";
import { JSON_LINES, placeFrom, printRows, withPlace } from "./command.js";

const CHAT = { type: "string", demandOption: true, describe: "UUID" } as const;

const bind = command(
  "bind <chat>",
  "Bind a chat to the trees of a workspace; makes the chat when it is new",
  (argv) =>
    withPlace(argv)
      .positional("chat", CHAT)
      .option("workspace", { type: "string", requiresArg: true, demandOption: true, describe: "UUID" })
      .option("owner", {
        type: "string",
        requiresArg: true,
        describe: "the user who may see it; default: as before, or the parent's; with none, admins alone",
      })
      .option("path", {
        type: "string",
        array: true,
        nargs: 1,
        describe: "an absolute path in the workspace; none: every repository that the agent finds",
      })
      .option("base", {
        type: "string",
        requiresArg: true,
        describe: "the ref that its trees are compared with as their base; default: the agent finds it",
      })
      .option("parent", { type: "string", requiresArg: true, describe: "the chat that this one belongs to" }),
  async (argv) => {
    const { chat, workspace, owner, path, base, parent } = argv;
    await bindChat(placeFrom(argv), {
      chat,
      workspace,
      ...(owner !== undefined && { owner }),
      ...(path !== undefined && { paths: path }),
      ...(base !== undefined && { base }),
      ...(parent !== undefined && { parent }),
    });
  },
);

const unbind = command(
  "unbind <chat>",
  "Take a chat's binding away; the chat stays",
  (argv) => withPlace(argv).positional("chat", CHAT),
  async (argv) => {
    await unbindChat(placeFrom(argv), argv.chat);
  },
);

const list = command(
  "list",
  "List the chats",
  (argv) =>
    withPlace(argv)
      .option("owner", { type: "string", requiresArg: true, describe: "theirs alone" })
      .option("json", JSON_LINES),
  async (argv) => {
    const rows = (await listChats(placeFrom(argv), argv.owner)).map((chat) => ({
      id: chat.id,
      owner: chat.owner ?? null,
      workspace: chat.workspace ?? null,
      paths: chat.paths.join(" ") || null,
      base: chat.base || null,
      parent: chat.parent ?? null,
      archived: chat.archived,
    }));
    printRows(rows, argv.json);
  },
);

export const chatCommand = commandGroup("chat", "Say what chats show", (argv) =>
  argv.command(bind).command(unbind).command(list),
);
