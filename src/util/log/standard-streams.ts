import { constants, fstatSync, openSync, type Stats, write, writeSync } from "node:fs";
import { LineBuffer, type LineOutput } from "./line-buffer.js";

type StandardDescriptor = 1 | 2;

/** How long the end of a process waits for whoever reads slowly, in milliseconds: a reader that has stopped costs no more. */
const FLUSH_MS = 250;

const buffers = new Map<StandardDescriptor, LineBuffer>();

/**
 * Lines for standard output (1) or standard error (2) that never stop and never end the program: docs/operating.md, "The
 * log". What is left is written when the process ends.
 */
export function standardLines(descriptor: StandardDescriptor): LineBuffer {
  const known = buffers.get(descriptor);
  if (known !== undefined) return known;
  const lines = new LineBuffer(open(descriptor));
  buffers.set(descriptor, lines);
  process.on("exit", () => lines.flush(FLUSH_MS));
  return lines;
}

/**
 * An output that never waits. Descriptors are inherited, and whether writing to one waits is decided for all who share it, the
 * shell among them: so a pipe or terminal is opened once more, for this process alone. A blocked write in another thread is
 * no way out: Node.js waits for its threads when it leaves.
 */
function open(descriptor: StandardDescriptor): LineOutput {
  let stats: Stats;
  try {
    stats = fstatSync(descriptor);
  } catch {
    return outputOn(descriptor); // closed; each write says so
  }
  if (stats.isFile()) return { ...outputOn(descriptor), writeLater: (bytes, done) => write(descriptor, bytes, done) };
  if (!stats.isSocket()) {
    try {
      const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
      return outputOn(openSync(`/proc/self/fd/${descriptor}`, flags));
    } catch {
      // it is another user's, or there is no /proc
    }
  }
  // a socket, as systemd's journal, can't be opened once more: Node.js has it not wait, and sets it back at the end
  void (descriptor === 1 ? process.stdout : process.stderr);
  return outputOn(descriptor);
}

function outputOn(descriptor: number): LineOutput {
  return { writeNow: (bytes) => writeSync(descriptor, bytes) };
}
