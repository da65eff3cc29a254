const OPEN = Buffer.from("$Id:");
const DOLLAR = 0x24;
const LINE_FEED = 0x0a;

/**
 * Turns `$Id: anything $` back into `$Id$`, as the `ident` attribute asks for on the way into the repository; a
 * keyword ends in the line where it starts. Rules: <https://git-scm.com/docs/gitattributes#_ident>.
 *
 * @returns `content` itself when there is none
 */
export function collapseIdents(content: Buffer): Buffer {
  const pieces: Buffer[] = [];
  let from = 0;
  for (let open = content.indexOf(OPEN); open >= 0; ) {
    const rest = open + OPEN.length;
    const close = content.indexOf(DOLLAR, rest);
    if (close < 0) break;
    const lineEnd = content.indexOf(LINE_FEED, rest);
    if (lineEnd >= 0 && lineEnd < close) {
      open = content.indexOf(OPEN, rest);
      continue;
    }
    pieces.push(content.subarray(from, rest - 1));
    from = close;
    open = content.indexOf(OPEN, close + 1);
  }
  return from === 0 ? content : Buffer.concat([...pieces, content.subarray(from)]);
}
