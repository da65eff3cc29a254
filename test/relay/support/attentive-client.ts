import { GitStream, type Hub } from "../../../src/relay/hub/index.js";

/** Shows a chat to a client that reads everything at once. @returns what it was told, and the viewer that it is in the hub */
export function showChat(hub: Hub, workspace: string, chat: string, { acceptsStale = false } = {}) {
  const frames: ReturnType<typeof JSON.parse>[] = [];
  let begun = "";
  const viewer = hub.watch(
    { workspace, chat, paths: [] },
    {
      outlet: {
        send: ({ data, isLast }, done) => {
          begun += data.payload.toString("latin1"); // a fragment may end within a character
          if (isLast) {
            frames.push(JSON.parse(Buffer.from(begun, "latin1").toString()));
            begun = "";
          }
          queueMicrotask(done);
        },
        onBlocked: () => undefined,
        onDrained: () => undefined,
        onFailed: (thrown) => frames.push({ type: "failed", thrown }),
      },
      stream: new GitStream(),
      acceptsStale,
    },
  );
  return { frames, viewer };
}
