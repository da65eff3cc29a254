import { render } from "preact";
import { ChatPage } from "./chat-page.js";
import { CommitsDialog } from "./chrome/commits-dialog.js";
import { KeysDialog } from "./chrome/keys-dialog.js";
import type { Observable } from "./chrome/state.js";
import { Toolbar } from "./chrome/toolbar.js";
import { ChatList, SignIn } from "./chrome/welcome.js";
import { goToFile, listenToKeys } from "./keys.js";
import { keyOf, placeOf } from "./place.js";
import { type Refused, Relay } from "./relay.js";
import { element } from "./view/dom.js";

const place = placeOf(location.href);
const relay = new Relay(place.relay);
const main = document.querySelector("main") ?? document.body.appendChild(element("main"));

/** Signs in by the link's key, and goes where it leads. */
async function start(): Promise<void> {
  main.dataset.state = "connecting";
  const key = keyOf(location.hash);
  if (key !== undefined) {
    // the key is nothing to keep in the address: it would be copied and shown
    history.replaceState(null, "", location.pathname + location.search);
    const answer = await relay.signIn(key);
    if ("message" in answer) return askForToken(answer);
    if (place.chat === undefined && answer.chat !== undefined) return go(answer.chat);
  }
  if (place.chat === undefined) return listChats();
  const answer = await relay.chat(place.chat);
  if ("message" in answer && answer.status !== 0) return askForToken(answer);
  await showChat(place.chat);
}

function go(chat: string): void {
  location.replace(new URL(`view/${encodeURIComponent(chat)}`, relay.root));
}

async function listChats(): Promise<void> {
  const chats = await relay.chats();
  if (!Array.isArray(chats)) return askForToken(chats);
  const [only] = chats;
  if (chats.length === 1 && only !== undefined) return go(only.id);
  main.dataset.state = "live";
  render(<ChatList chats={chats} root={relay.root} />, main);
}

function askForToken(refused: Refused): void {
  main.dataset.state = "refused";
  const onToken = async (token: string) => {
    const answer = await relay.signIn({ token });
    if ("message" in answer) return answer;
    location.reload();
    return undefined;
  };
  render(<SignIn refused={refused} onToken={onToken} />, main);
}

async function showChat(chat: string): Promise<void> {
  const page = new ChatPage(relay, chat);
  const help = element("div");
  const close = () => render(null, help);
  const showHelp = () => render(<KeysDialog onClose={close} />, help);
  const compare = page.compareWith.bind(page);
  const showCommits = () =>
    render(<CommitsDialog comparing={page.comparing.value} onChosen={compare} onClose={close} />, help);
  const bar = element("div", { class: "bar-place" });
  const title = element("h1", { class: "sr" }, "Treewire");
  main.replaceChildren(title, bar, page.list.element, page.diff.element, help);
  const actions = {
    "next-file": () => goToFile(page, 1),
    "previous-file": () => goToFile(page, -1),
    refresh: () => page.refresh(),
    comment: () => page.comment(),
    "copy-comments": () => page.copyComments(),
    help: showHelp,
    commits: showCommits,
    files: () => document.body.toggleAttribute("data-files-open"),
    edits: () => page.showEdits(),
    "sign-out": () => void relay.signOut().then(() => location.assign(relay.root)),
  };
  render(<Toolbar {...page} onCompare={compare} actions={actions} />, bar);
  listenToKeys(page, showHelp);
  observeState(page);
  page.run();
}

function observeState({ status }: { status: Observable<ChatPage["status"]["value"]> }): void {
  const show = () => {
    main.dataset.state = status.value.state;
    if (status.value.state === "refused") askForToken(status.value);
  };
  status.observe(show);
  show();
}

await start();
