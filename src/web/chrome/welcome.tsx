import { useState } from "preact/hooks";
import type { ChatEntry, Refused } from "../relay.js";
import { adviceFor, ageOf } from "./status.js";

interface SignInProps {
  /** Why it is asked for. */
  refused: Refused;
  onToken: (token: string) => Promise<Refused | undefined>;
}

/** The box for a token, and words for whoever is not let in. */
export function SignIn({ refused, onToken }: SignInProps) {
  const [failed, setFailed] = useState<Refused>();
  const [isBusy, setBusy] = useState(false);
  const shown = failed ?? refused;
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const token = new FormData(event.currentTarget as HTMLFormElement).get("token");
    setBusy(true);
    setFailed(await onToken(String(token ?? "").trim()));
    setBusy(false);
  };
  return (
    <section class="welcome">
      <h1>Treewire</h1>
      <p role="alert">{shown.message}</p>
      <p>{adviceFor(shown.status)}</p>
      {location.protocol === "http:" && !isLoopback(location.hostname) && (
        <p class="notice">
          This page came over plain http. Beyond one's own machine https is needed: a session is not kept without it.
        </p>
      )}
      <form onSubmit={(event) => void submit(event)}>
        <label for="token">Token</label>
        <input id="token" name="token" type="password" autocomplete="off" required spellcheck={false} />
        <button type="submit" disabled={isBusy}>
          Sign in
        </button>
      </form>
    </section>
  );
}

/** One's own chats, newest first. */
export function ChatList({ chats, root }: { chats: readonly ChatEntry[]; root: URL }) {
  return (
    <section class="welcome">
      <h1>Treewire</h1>
      {chats.length === 0 ? (
        <p>There are no chats of yours yet.</p>
      ) : (
        <ul class="chats">
          {chats.map(({ id, archived, createdAt }) => (
            <li key={id}>
              <a href={new URL(`view/${id}`, root).pathname}>{id}</a>{" "}
              <span>{archived ? "archived" : ageOf(createdAt, Date.now())}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127\./.test(host);
}
