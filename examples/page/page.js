// Shows the live diff of a chat, without a framework. A file whose patch did not change is the same object in the next
// state, and keeps its element, so that a large diff is not built anew for one edit.
import { watchTrees } from "treewire-client";

const form = document.querySelector("#form");
const status = document.querySelector("#status");
const main = document.querySelector("#trees");
let stop = new AbortController();

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const { url, chat, token } = Object.fromEntries(new FormData(form));
  stop.abort();
  stop = new AbortController();
  follow({ url, chat, token, signal: stop.signal }).catch((error) => say(error.message));
});

async function follow(options) {
  say("Connecting …");
  const sections = new Map();
  for await (const { trees, isStale } of watchTrees({ ...options, onError: say })) {
    say(isStale ? "The workspace is away: this is its last state." : "Live.");
    for (const [root, section] of sections) {
      if (trees.has(root)) continue;
      section.remove();
      sections.delete(root);
    }
    for (const tree of trees.values()) {
      const section = sections.get(tree.root) ?? main.appendChild(document.createElement("section"));
      sections.set(tree.root, section);
      show(section, tree);
    }
  }
}

/** The element of each file, kept as long as the file is the same object. */
const elements = new WeakMap();

function show(section, { root, meta, files }) {
  const heading = document.createElement("h2");
  heading.textContent = `${root} · ${meta.branch || "no branch"}`;
  const patches = files.map((file) => {
    if (!elements.has(file)) elements.set(file, patchElement(file));
    return elements.get(file);
  });
  section.replaceChildren(heading, ...(patches.length > 0 ? patches : ["clean"]));
}

function patchElement(file) {
  const pre = document.createElement("pre");
  for (const line of `${file.header}${file.hunks}`.split("\n")) {
    const span = document.createElement("span");
    span.textContent = `${line}\n`;
    if (/^\+(?!\+\+ )/.test(line)) span.className = "added";
    if (/^-(?!-- )/.test(line)) span.className = "removed";
    pre.append(span);
  }
  return pre;
}

function say(text) {
  status.textContent = text;
}
