import type { Argv } from "yargs";
import { command } from "../../util/index.js";
import { type Invitation, type Invited, invite } from "../commands.js";
import { parseExpiry, placeFrom, withPlace } from "./command.js";

/** Adds the options that say what is invited to, besides the relay's URL. */
export function withInvitation<T>(argv: Argv<T>) {
  return argv
    .option("owner", { type: "string", requiresArg: true, describe: "whose the chat is; default: me" })
    .option("path", {
      type: "string",
      array: true,
      nargs: 1,
      describe: "an absolute path in the workspace that is shown; none: every repository that the agent finds",
    })
    .option("expires", {
      type: "string",
      requiresArg: true,
      describe: "until when the links count: a span (10m, 2h) or a time (RFC 3339); default: 10m",
    })
    .option("uses", {
      type: "number",
      requiresArg: true,
      describe: "how many sessions the second link makes; default: 5",
    });
}

/** The invitation that the options say. @throws TreewireError `TW_BAD_USAGE` */
export function invitationFrom(
  url: string,
  options: {
    owner: string | undefined;
    path: string[] | undefined;
    expires: string | undefined;
    uses: number | undefined;
  },
): Invitation {
  const { owner, path, expires, uses } = options;
  return {
    url,
    ...(owner !== undefined && { owner }),
    ...(path !== undefined && { paths: path }),
    ...(expires !== undefined && { expiresAt: parseExpiry(expires) }),
    ...(uses !== undefined && { uses }),
  };
}

/** What is pasted: at the workspace's prompt, and into a browser or behind `treewire watch`. Two lines. */
export function invitedText({ agentUrl, viewUrl }: Invited): string {
  return `treewire agent --join ${agentUrl}\n${viewUrl}\n`;
}

export const inviteCommand = command(
  "invite",
  "Make a workspace, a chat that shows it, and a link for each end: an agent's, and people's",
  (argv) =>
    withInvitation(withPlace(argv))
      .option("url", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "the relay's, as agents and people reach it",
      })
      .option("json", { type: "boolean", default: false, describe: "as JSON, on one line" }),
  async (argv) => {
    const invited = await invite(placeFrom(argv), invitationFrom(argv.url, argv));
    process.stdout.write(argv.json ? invitedJson(invited) : invitedText(invited));
  },
);

function invitedJson({ agentUrl, viewUrl, workspace, chat, expiresAt }: Invited): string {
  const fields = { agent_url: agentUrl, view_url: viewUrl, workspace, chat, expires_at: expiresAt.toISOString() };
  return `${JSON.stringify(fields)}\n`;
}
