import { type DeltaTree, deltaOf } from "../../../protocol/index.js";
import { TextFrame } from "../encoding/text-frame.js";
import { changesBetween, type TreeState } from "../trees/tree-state.js";

/** A part of a message that is made JSON when its turn comes. */
interface Span {
  /** UTF-16 units of its texts. */
  units: number;
  json: () => string;
}

/** The spans of one fragment. */
type Piece = readonly Span[];

/**
 * So many UTF-16 units of texts are made JSON at a time: up to six bytes each (as `\u0001`), beside the states that are kept
 * for a client which does not read.
 */
const PIECE_UNITS = 128 * 1024;

/** What a span counts for at least, in units: numbers and names of fields take room as well, and to make it takes time. */
const SPAN_UNITS = 128;

/**
 * A `tree` message of `treewire.delta.v1` that leads from one state to another. A small one is built once for every client
 * that is sent it. A large one goes out in fragments, each built when a client has taken the one before, and shared as long
 * as any client is still taking it.
 */
export class TreeDelta {
  /** The state that it leads to. */
  readonly state: TreeState;
  readonly #message: DeltaTree;
  #whole: TextFrame | undefined;
  readonly #isSmall: boolean;
  readonly #fragments: WeakRef<TextFrame>[] = [];

  /** @param from of another epoch, or none: the message is the whole state */
  constructor(from: TreeState | undefined, to: TreeState) {
    const { root, epoch, seq, meta } = to;
    const base = from !== undefined && from.epoch === epoch && from.seq < seq ? from : undefined;
    const files =
      base === undefined
        ? { upserts: [...to.files], edits: [], removes: [] }
        : deltaOf(base.files, changesBetween(base, to));
    this.state = to;
    this.#message = { type: "tree", root, epoch, seq, base: base?.seq ?? null, meta, ...files };
    this.#isSmall = pieces(this.#message).next().value?.isLast !== false;
  }

  /** The message in one frame, when it is not too large for that. */
  get whole(): TextFrame | undefined {
    if (this.#isSmall) this.#whole ??= TextFrame.of(JSON.stringify(this.#message));
    return this.#whole;
  }

  /** The message in fragments, for one client. */
  *fragments(): Generator<{ data: TextFrame; isLast: boolean }, void, void> {
    let at = 0;
    for (const { piece, isLast } of pieces(this.#message)) {
      yield { data: this.#fragment(at, piece), isLast };
      at += 1;
    }
  }

  #fragment(at: number, piece: Piece): TextFrame {
    const shared = this.#fragments[at]?.deref();
    if (shared !== undefined) return shared;
    const frame = TextFrame.of(piece.map(({ json }) => json()).join(""));
    this.#fragments[at] = new WeakRef(frame);
    return frame;
  }
}

/** Cut at the same places whenever it is asked for. */
function* pieces(message: DeltaTree): Generator<{ piece: Piece; isLast: boolean }, void, void> {
  let piece: Span[] = [];
  let units = 0;
  for (const span of spans(message)) {
    const size = Math.max(SPAN_UNITS, span.units);
    if (units > 0 && units + size > PIECE_UNITS) {
      yield { piece, isLast: false };
      piece = [];
      units = 0;
    }
    piece.push(span);
    units += size;
  }
  yield { piece, isLast: true };
}

function* spans({ upserts, edits, removes, ...head }: DeltaTree): Generator<Span, void, void> {
  yield raw(`${JSON.stringify(head).slice(0, -1)},"upserts":[`);
  for (const [at, file] of upserts.entries()) yield* objectSpans(at === 0 ? "" : ",", file);
  yield raw('],"edits":[');
  for (const [at, edit] of edits.entries()) yield* objectSpans(at === 0 ? "" : ",", edit);
  yield raw('],"removes":[');
  for (const [at, key] of removes.entries()) {
    if (at > 0) yield raw(",");
    yield* textSpans(key);
  }
  yield raw("]}");
}

/** An object of texts, numbers and truth values. */
function* objectSpans(
  comma: string,
  object: Readonly<Record<string, string | number | boolean>>,
): Generator<Span, void, void> {
  const fields = Object.entries(object);
  const units = fields.reduce((sum, [, value]) => sum + (typeof value === "string" ? value.length : 0), 0);
  if (units <= PIECE_UNITS) {
    yield { units, json: () => comma + JSON.stringify(object) };
    return;
  }
  for (const [at, [name, value]] of fields.entries()) {
    yield raw(`${at === 0 ? `${comma}{` : ","}"${name}":`);
    if (typeof value === "string") yield* textSpans(value);
    else yield raw(String(value));
  }
  yield raw("}");
}

/** A surrogate pair that is cut in two is escaped in both spans, and is a pair again when it is read. */
function* textSpans(text: string): Generator<Span, void, void> {
  if (text.length <= PIECE_UNITS) {
    yield { units: text.length, json: () => JSON.stringify(text) };
    return;
  }
  yield raw('"');
  for (let start = 0; start < text.length; start += PIECE_UNITS) {
    const slice = text.slice(start, start + PIECE_UNITS);
    yield { units: slice.length, json: () => JSON.stringify(slice).slice(1, -1) };
  }
  yield raw('"');
}

function raw(json: string): Span {
  return { units: json.length, json: () => json };
}
