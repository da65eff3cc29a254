export { type ChatEventKind, ChatEvents, type ChatFeed, type ChatListener } from "./chat-events.js";
export { type ChatActivity, type ChatJson, chatJson, chatSchema } from "./chat-json.js";
export { type ChatUpdate, chatUpdateSchema } from "./chat-update.js";
export { RemoteActivity } from "./remote-activity.js";
