#!/usr/bin/env node
// Prints a line for each file that changes in a chat's working trees, as it changes.
//
//   TREEWIRE_TOKEN=… node follow.mjs https://relay.example.com CHAT
import { watchTrees } from "treewire/client";

const [url, chat] = process.argv.slice(2);
const token = process.env.TREEWIRE_TOKEN;
if (!url || !chat || !token) {
  process.stderr.write("usage: TREEWIRE_TOKEN=… node follow.mjs URL CHAT\n");
  process.exit(2);
}

const stop = new AbortController();
process.once("SIGINT", () => stop.abort());
process.once("SIGTERM", () => stop.abort());

/** The files of each tree as they were printed last. Files that did not change are the same objects in the next state. */
const printed = new Map();
const onError = (message) => process.stderr.write(`${message}\n`);
for await (const { trees } of watchTrees({ url, chat, token, onError, signal: stop.signal })) {
  for (const [root, { meta, files }] of trees) {
    const before = printed.get(root) ?? new Map();
    const now = new Map(files.map((file) => [file.key, file]));
    for (const [key, file] of now) {
      if (before.get(key) === file) continue;
      process.stdout.write(`${meta.branch}  +${file.additions} -${file.deletions}  ${root}/${file.path}\n`);
    }
    for (const [key, file] of before) {
      if (!now.has(key)) process.stdout.write(`${meta.branch}  as in HEAD  ${root}/${file.path}\n`);
    }
    printed.set(root, now);
  }
}
