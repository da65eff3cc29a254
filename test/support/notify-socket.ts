import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Cleanup, tempDir } from "./temp.js";
import { until } from "./until.js";

// Node.js has no datagram sockets in the file system; Perl's are in every installation that has git.
const RECEIVER = `
use strict; use Socket; use IO::Socket::UNIX;
my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die $!;
$| = 1; print "ready\\n";
my $message; while (defined($socket->recv($message, 65536))) { $message =~ s/\\n/\\t/g; print "$message\\n"; }
`;

/** Why no notify socket can be made here; `false` when one can. */
export const withoutNotifySocket: string | false =
  (!existsSync("/usr/bin/perl") && "perl is not here") ||
  (!existsSync("/usr/bin/systemd-notify") && "systemd-notify is not here");

/** Plays systemd's end of sd_notify(3). */
export async function notifySocket(t: Cleanup): Promise<{ path: string; messages: Record<string, string>[] }> {
  const path = join(tempDir(t), "notify");
  const child = spawn("perl", ["-e", RECEIVER, path], { stdio: ["ignore", "pipe", "inherit"] });
  t.teardown(() => child.kill("SIGKILL"));
  const messages: Record<string, string>[] = [];
  let ready = false;
  createInterface(child.stdout).on("line", (line) => {
    if (line === "ready") ready = true;
    else if (line !== "BARRIER=1") messages.push(Object.fromEntries(line.split("\t").map(assignment)));
  });
  await until("the notify socket is there", () => ready);
  return { path, messages };
}

function assignment(text: string): [name: string, value: string] {
  const equals = text.indexOf("=");
  return [text.slice(0, equals), text.slice(equals + 1)];
}
