import t from "tap";
import { ControlServer } from "../../../src/agent/control/control-server.js";
import type { ControlRequest } from "../../../src/protocol/index.js";
import { silentLogger, VERSION } from "../../../src/util/index.js";
import { runProgram } from "../../support/program.js";
import { type Cleanup, tempDir } from "../../support/temp.js";

const CHAT = "10000000-0000-4000-8000-00000000000a";

/** An agent that takes every command. */
async function running(t: Cleanup) {
  const dir = tempDir(t);
  const socket = `${dir}/agent.sock`;
  const requests: ControlRequest[] = [];
  const handler = async (request: ControlRequest) => {
    requests.push(request);
    return { type: "done" as const };
  };
  const server = await ControlServer.listen(socket, handler, silentLogger());
  t.teardown(() => server.close());
  return { dir, socket, requests };
}

t.test("track and untrack name absolute paths, and ids in lower case", async (t) => {
  const { dir, socket, requests } = await running(t);
  const run = (...args: string[]) => runProgram(t, "agent", [...args, "--socket", socket], { cwd: dir });
  const track = ["track", "--chat", CHAT.toUpperCase(), "--ancestor", CHAT.toUpperCase(), "a", "/b"];
  const said = `${dir}/a: no repository there yet\n/b: no repository there yet\n`;
  t.match(await run(...track), { status: 0, stdout: said, stderr: "" });
  t.match(await run("untrack", "--chat", CHAT.toUpperCase()), { status: 0, stdout: "", stderr: "" });
  t.same(requests, [
    { type: "track", chat: CHAT, ancestors: [CHAT], paths: [`${dir}/a`, "/b"] },
    { type: "untrack", chat: CHAT, paths: [] },
  ]);
});

t.test("what makes no sense is told in one line with what was probably meant, and exit status 2", async (t) => {
  const rows: [args: string[], line: RegExp][] = [
    [[], /no relay is set, and here is no repository: give PATH, --relay URL or --join LINK/],
    [["run"], /no relay is set: give --relay URL or --join LINK/],
    [["statsu"], /no command statsu; did you mean status\?/],
    [["/some/path"], /\/some\/path: no such file or directory/],
    [[".", "--relay", "http://x"], /a path is for a look, without a relay: \./],
    [["status", "extra"], /Unknown argument: extra/],
    [["status", "--jsn"], /Unknown argument: jsn; did you mean --json\?/],
    [["--onec"], /Unknown argument: onec; did you mean --once\?/],
    [["--zzzzzzzz"], /Unknown argument: zzzzzzzz\)/],
    [["--once", "--relay", "http://x"], /mutually exclusive/],
    [["track", "/x"], /give --chat UUID/],
    [["track", "--chat", CHAT], /give at least one path/],
    [["track", "--chat", "x", "/x"], /chat: Invalid UUID/],
    [["untrack"], /chat/],
    [["--relay", "http://x", "--log-level", "loud"], /log-level/],
  ];
  const outside = tempDir(t);
  for (let next = 0; next < rows.length; next += 4) {
    await Promise.all(
      rows.slice(next, next + 4).map(async ([args, line]) => {
        const { status, stdout, stderr } = await runProgram(t, "agent", args, { cwd: outside });
        t.same([status, stdout], [2, ""], args.join(" "));
        t.match(stderr, line);
        t.match(stderr, /^agent: [^\n]*\n$/, "one line");
      }),
    );
  }
});

t.test("help names every command, and the version is the package's", async (t) => {
  const [help, version] = await Promise.all([
    runProgram(t, "agent", ["--help"]),
    runProgram(t, "agent", ["--version"]),
  ]);
  for (const command of ["run", "diff", "track", "untrack", "status", "config", "install-service"])
    t.match(help.stdout, command);
  t.match(help, { status: 0, stderr: "" });
  t.match(version, { status: 0, stdout: `${VERSION}\n` });
});
