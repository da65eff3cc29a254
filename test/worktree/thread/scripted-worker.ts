// A thread in the place of the trees' own, which says and does what the file `script.json` in a tree's root holds: a
// list of what happens at the opening, at the first refresh, at the second … A thread that starts anew goes on in it.
import { readFileSync, writeFileSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import type { ToWorker } from "../../../src/worktree/thread/messages.js";
import type { Act } from "./script.js";

const roots = new Map<number, string>();

function act(tree: number, ticket: number | undefined): void {
  const path = `${roots.get(tree)}/script.json`;
  const [now, ...later]: Act[] = JSON.parse(readFileSync(path, "utf8"));
  writeFileSync(path, JSON.stringify(later));
  if (now === "die") throw new Error("the thread dies");
  if (now === "gone") parentPort?.postMessage({ type: "gone", tree });
  else if (now !== undefined && now !== "nothing") {
    const meta = { head: "", branch: now.branch, remoteOrigin: "", scannedAt: 1, health: "" };
    const changes = new Map(now.changes.map(([key, file]) => [key, file ?? undefined]));
    parentPort?.postMessage({ type: "state", tree, whole: now.whole, meta, changes });
  }
  if (ticket === undefined) return;
  const scannedAt = now === "gone" ? undefined : 2;
  parentPort?.postMessage({ type: "refreshed", tree, ticket, scannedAt });
}

parentPort?.on("message", (message: ToWorker) => {
  if (message.type === "ping") return;
  if (message.type === "open") roots.set(message.tree, message.root);
  if (message.type === "open") act(message.tree, undefined);
  if (message.type === "refresh") act(message.tree, message.ticket);
});
