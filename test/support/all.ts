// The files named as arguments as one test: what run.ts runs.
import t from "tap";

/** A file that has not ended after so long has failed: by its own clock, and by this one. Seconds. */
const LIMIT_S = 600;

t.jobs = 3; // on two cores: files wait for disks and timers a good part of their time
t.setTimeout(0); // all of them together may take as long as they need
for (const file of process.argv.slice(2)) {
  // tap hands its coverage hooks on in NODE_OPTIONS
  const command = ["-u", "NODE_OPTIONS", `TAP_TIMEOUT=${LIMIT_S}`, process.execPath, "--enable-source-maps", file];
  void t.spawn("env", command, { name: file, buffered: true, timeout: LIMIT_S * 1000 });
}
