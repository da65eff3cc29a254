import t from "tap";
import { type Look, resolutionSteps } from "../../../src/worktree/watch/resolution.js";

/** A file system: absolute path → "/" for a directory, "" for a file, else where a link leads. */
function looksOf(entries: Record<string, string>): (path: string) => Look {
  return (path) => {
    const entry = path === "/" ? "/" : entries[path];
    if (entry === undefined) return { kind: "absent" };
    if (entry === "/") return { kind: "directory", identity: path };
    return entry === "" ? { kind: "file" } : { kind: "link", target: entry };
  };
}

const stepsOf = (path: string, entries: Record<string, string>): string[] =>
  resolutionSteps(path, looksOf(entries)).map(({ directory, name, kind }) => `${directory} ${name ?? "*"} ${kind}`);

t.test("the steps to a file are the directories of its path and itself", async (t) => {
  t.strictSame(stepsOf("/a/b/f", { "/a": "/", "/a/b": "/", "/a/b/f": "" }), [
    "/ a directory",
    "/a b directory",
    "/a/b f file",
  ]);
});

t.test("the last step is the first name that is missing, or is no directory", async (t) => {
  t.strictSame(stepsOf("/a/b/c/f", { "/a": "/" }), ["/ a directory", "/a b absent"]);
  t.strictSame(stepsOf("/a/b/c", { "/a": "/", "/a/b": "" }), ["/ a directory", "/a b file"]);
});

t.test("a link is a step, and so is all that it leads through", async (t) => {
  const entries = { "/a": "/", "/a/l": "../b/./m", "/b": "/", "/b/m": "/c", "/c": "/", "/c/f": "" };
  t.strictSame(stepsOf("/a/l/f", entries), [
    "/ a directory",
    "/a l link",
    "/ b directory",
    "/b m link",
    "/ c directory",
    "/c f file",
  ]);
});

t.test("behind a link, the directory above is that of its target", async (t) => {
  const entries = { "/a": "/", "/a/l": "/b/c", "/b": "/", "/b/c": "/", "/b/f": "" };
  t.strictSame(stepsOf("/a/l/../f", entries).at(-1), "/b f file");
});

t.test("links that lead to each other end", async (t) => {
  const steps = stepsOf("/a/f", { "/a": "b", "/b": "a" });
  t.strictSame([...new Set(steps)], ["/ a link", "/ b link"]);
  t.equal(steps.length, 41);
});

t.test("all names of a directory are a step when they are asked for", async (t) => {
  const entries = { "/a": "/", "/a/l": "/a" };
  t.strictSame(stepsOf("/a/l/", entries), ["/ a directory", "/a l link", "/ a directory", "/a * directory"]);
  t.strictSame(stepsOf("/a/missing/", entries), ["/ a directory", "/a missing absent"]);
});
