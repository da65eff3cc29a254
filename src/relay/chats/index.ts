export { type ChatActivity, type ChatJson, chatJson, chatSchema } from "./chat-json.js";
export { type ChatUpdate, chatUpdateSchema } from "./chat-update.js";
