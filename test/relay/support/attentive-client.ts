import { GitStream, type Hub } from "../../../src/relay/hub/index.js";

/** Shows a chat to a client that reads everything at once. @returns what it was told, and the viewer that it is in the hub */
export function showChat(hub: Hub, workspace: string, chat: string) {
  const frames: ReturnType<typeof JSON.parse>[] = [];
  const viewer = hub.watch(
    { workspace, chat, paths: [] },
    {
      outlet: {
        send: ({ data }, done) => {
          frames.push(JSON.parse(data.payload.toString()));
          queueMicrotask(done);
        },
        onBlocked: () => undefined,
        onDrained: () => undefined,
        onFailed: (thrown) => frames.push({ type: "failed", thrown }),
      },
      stream: new GitStream(),
      acceptsStale: false,
    },
  );
  return { frames, viewer };
}
