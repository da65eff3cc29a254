import t from "tap";
import { Verdict } from "../../../src/client/terminal/verdict.js";
import { REFUSALS } from "../../../src/relay/answers.js";
import { dialError } from "../../../src/util/link/index.js";

const url = new URL("wss://relay.example:7700/api/v2/chats/11111111-1111-4111-8111-111111111111/git/watch");
const verdict = () => new Verdict({ url, token: "twc_x", hasServed: () => false });

t.test("a chat whose workspace nobody has joined is told in words that say so", async (t) => {
  const refused = verdict();
  const why = REFUSALS.workspaceNotFound.body.message;
  await refused.judge({ step: "upgrade", status: 400, why, isFinal: true });
  t.match(refused.error?.message, "(no agent has joined its workspace, and no invite waits for one)");
});

t.test("a relay is named once in an error", async (t) => {
  const why = "relay.example:7700: the certificate has expired";
  const untrusted = verdict();
  await untrusted.judge({ step: "tls", kind: "untrusted", why, isFinal: false });
  const dialled = dialError(
    "relay.example:7700",
    { step: "tls", kind: "untrusted", why, isFinal: false },
    "TW_WATCH_REFUSED",
  );
  for (const message of [untrusted.error?.message, dialled.message]) {
    t.match(message, /^relay\.example:7700: the relay's certificate is not trusted \(the certificate has expired\); /);
  }
});
