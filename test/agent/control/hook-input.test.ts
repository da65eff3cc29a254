import { execFile } from "node:child_process";
import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { z } from "zod";
import { ControlServer } from "../../../src/agent/control/control-server.js";
import { hookEdit, readInput } from "../../../src/agent/control/hook-input.js";
import type { ControlRequest } from "../../../src/protocol/index.js";
import { silentLogger } from "../../../src/util/index.js";
import { programPath } from "../../support/program.js";
import { type Cleanup, tempDir } from "../../support/temp.js";

const SESSION = "10000000-0000-4000-8000-000000000001";
const CHAT = "10000000-0000-4000-8000-000000000002";
const docs = readFileSync(new URL("../../../../docs/hooks.md", import.meta.url), "utf8");
const commands = z.array(z.string()).parse(
  [...docs.matchAll(/```json\n(.*?)```/gs)].flatMap(([, text = ""]) => {
    const found: unknown[] = [];
    JSON.parse(text, (key, value) => (key === "command" ? found.push(value) : value));
    return found;
  }),
);

/** Inputs as the coding agents document them, of the fields that matter and some that do not. */
const INPUTS = {
  "Claude Code's Edit": {
    session_id: SESSION,
    cwd: "/w",
    hook_event_name: "PostToolUse",
    tool_name: "Edit",
    tool_input: { file_path: "/w/a.ts", old_string: "a", new_string: "b" },
    tool_response: { filePath: "/w/a.ts" },
  },
  "Claude Code's NotebookEdit": { session_id: SESSION, cwd: "/w", tool_input: { notebook_path: "/w/a.ts" } },
  "Gemini CLI's write_file": {
    session_id: SESSION,
    cwd: "/w",
    hook_event_name: "AfterTool",
    tool_name: "write_file",
    tool_input: { file_path: "a.ts", content: "x" },
  },
  "Cursor's afterFileEdit": {
    conversation_id: SESSION,
    hook_event_name: "afterFileEdit",
    workspace_roots: ["/w"],
    file_path: "/w/a.ts",
    edits: [{ old_string: "a", new_string: "b" }],
  },
};

/** Runs a command of the docs as a coding agent does, with an agent that the test plays. */
async function asHook(t: Cleanup, command: string, input: string, chat: string) {
  const bin = tempDir(t);
  symlinkSync(programPath("agent"), join(bin, "agent"));
  const socket = join(bin, "agent.sock");
  const requests: ControlRequest[] = [];
  const handler = async (request: ControlRequest) => {
    requests.push(request);
    return { type: "done" as const };
  };
  const server = await ControlServer.listen(socket, handler, silentLogger());
  const env = { PATH: `${bin}:${process.env.PATH}`, HOME: bin, TREEWIRE_SOCKET: socket, CODER_CHAT_ID: chat };
  const result = await new Promise<{ status: unknown; output: string }>((resolve) => {
    const child = execFile("sh", ["-c", command], { env }, (error, stdout, stderr) =>
      resolve({ status: error?.code ?? 0, output: `${stdout}${stderr}` }),
    );
    child.stdin?.end(input);
  });
  await server.close();
  return { ...result, requests };
}

t.test("the edits of each coding agent are understood", async (t) => {
  for (const [what, input] of Object.entries(INPUTS)) {
    t.same(hookEdit(JSON.stringify(input)), { chat: SESSION, paths: ["/w/a.ts"] }, what);
  }
  t.same(hookEdit('{"tool_input":{"command":"ls"}}'), { chat: undefined, paths: [] }, "a tool without a file");
  for (const nonsense of ["", "x", "[]", '{"tool_input":{"file_path":5}}']) {
    t.throws(() => hookEdit(nonsense), { code: "TW_BAD_USAGE" }, nonsense);
  }
});

t.test("an input without an end is refused", async (t) => {
  const endless = (async function* () {
    for (;;) yield Buffer.alloc(1024 * 1024);
  })();
  await t.rejects(readInput(endless), { code: "TW_BAD_USAGE" });
});

t.test("the docs' commands tell the agent of the edit, under the session or the chat that is named", async (t) => {
  t.equal(commands.length, 3);
  t.equal(new Set(commands).size, 1, "they are the same for each");
  const [command = ""] = commands;
  const input = JSON.stringify(INPUTS["Claude Code's Edit"]);
  const track = (chat: string) => [{ type: "track", chat, ancestors: [], paths: ["/w/a.ts"] }];
  t.same(await asHook(t, command, input, ""), { status: 0, output: "", requests: track(SESSION) });
  t.same(await asHook(t, command, input, CHAT), { status: 0, output: "", requests: track(CHAT) });
});

t.test("a hook that fails never leaves with 2, which would take the edit back", async (t) => {
  const [command = ""] = commands;
  t.match(await asHook(t, command, "nonsense", CHAT), { status: 1, output: /no hook's input/, requests: [] });
  const unnamed = await asHook(t, command, '{"session_id":"main","file_path":"/a"}', "");
  t.match(unnamed, { status: 1, output: /chat: Invalid UUID/, requests: [] });
});
