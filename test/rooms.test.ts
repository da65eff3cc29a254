import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";

interface Room {
  /** The rooms that it may import, by their door. */
  rooms: string[];
  packages: "any" | string[];
  /** What it takes of other rooms are types alone. */
  typesOnly?: boolean;
}

// The table of rooms: which folder may import which. A folder that is not here may not exist.
const ROOMS: Record<string, Room> = {
  "src/diff": { rooms: [], packages: [] },
  "src/protocol": { rooms: [], packages: ["zod", "zod/mini"] },
  "src/util": { rooms: [], packages: "any" },
  "src/secrets": {
    rooms: ["src/protocol", "src/util"],
    packages: ["node:crypto", "@secretlint/secretlint-rule-preset-recommend"],
  },
  "src/git": { rooms: ["src/util"], packages: "any" },
  "src/history": { rooms: ["src/git", "src/protocol", "src/util"], packages: ["node:zlib"] },
  "src/worktree": { rooms: ["src/git", "src/history", "src/diff", "src/protocol", "src/util"], packages: "any" },
  "src/agent": { rooms: ["src/worktree", "src/secrets", "src/protocol", "src/util"], packages: "any" },
  "src/relay": { rooms: ["src/protocol", "src/util"], packages: "any" },
  "src/client": { rooms: ["src/protocol", "src/util"], packages: "any" },
  "src/web": { rooms: ["src/client", "src/protocol"], packages: "any" },
  "src/start": { rooms: ["src/worktree", "src/client", "src/util"], packages: "any" },
  bin: { rooms: ["src/agent", "src/relay", "src/client", "src/start", "src/util"], packages: "any" },
};

/**
 * Doors besides each room's own: the client's library, for browsers, is free of its terminal's needs, of zod and of Node.js,
 * and has a part for Node.js alone.
 */
const MORE_DOORS = [
  "src/client/terminal/index.ts",
  "src/protocol/browser.ts",
  "src/util/link/browser.ts",
  "src/util/link/index.ts",
];

const MAX_FILE_LINES = 400;
const MAX_FOLDER_FILES = 20;
/** One algorithm in many small steps: the core of the line diff. */
const LARGE_FOLDERS = ["src/diff", "src/diff/core"];

const project = fileURLToPath(new URL("../../", import.meta.url));

interface Import {
  specifier: string;
  typeOnly: boolean;
}
/** Every source by its path from the project's folder. */
type Sources = ReadonlyMap<string, string>;

function roomOf(path: string): string {
  const [top = "", room = ""] = path.split("/");
  return top === "src" ? `src/${room}` : top;
}

function sourcesBelow(folder: string): string[] {
  const top = join(project, folder);
  if (!existsSync(top)) return [];
  return readdirSync(top, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => join(folder, name));
}

/** Every `import … from "x"`, `export … from "x"`, `import "x"` and `import("x")` of a source. */
function importsOf(source: string): Import[] {
  const statements = source.matchAll(/^(?:import|export)\s+(type\s)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"/gm);
  const calls = source.matchAll(/\bimport\("([^"]+)"\)/g);
  return [
    ...[...statements].map(([, type, specifier = ""]) => ({ specifier, typeOnly: type !== undefined })),
    ...[...calls].map(([, specifier = ""]) => ({ specifier, typeOnly: false })),
  ];
}

/** The source that an import of another one names. */
function targetOf(file: string, specifier: string): string {
  const target = relative(project, join(project, dirname(file), specifier)).replace(/\.js$/, ".ts");
  return existsSync(join(project, `${target}x`)) ? `${target}x` : target;
}

function faultsOf(file: string, source: string): string[] {
  const room = roomOf(file);
  const rule = ROOMS[room];
  if (rule === undefined) return [`${file}: ${room} is not in the table of rooms`];
  return importsOf(source).flatMap(({ specifier, typeOnly }) => {
    if (!specifier.startsWith(".")) {
      return rule.packages === "any" || rule.packages.includes(specifier) ? [] : [`${file} imports ${specifier}`];
    }
    const target = targetOf(file, specifier);
    if (roomOf(target) === room) return [];
    if (!rule.rooms.includes(roomOf(target))) return [`${file} imports ${specifier}, of ${roomOf(target)}`];
    if (target !== `${roomOf(target)}/index.ts` && !MORE_DOORS.includes(target)) {
      return [`${file} imports ${specifier}, around the door of ${roomOf(target)}`];
    }
    return rule.typesOnly === true && !typeOnly ? [`${file} imports more than types of ${roomOf(target)}`] : [];
  });
}

/** One path of files that leads back to where it began, for each circle that a walk from file to file meets. */
function circlesIn(sources: Sources): string[] {
  const circles: string[] = [];
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): void => {
    const from = path.indexOf(file);
    if (from >= 0) circles.push([...path.slice(from), file].join(" → "));
    if (from >= 0 || done.has(file)) return;
    for (const { specifier } of importsOf(sources.get(file) ?? "")) {
      if (specifier.startsWith(".")) walk(targetOf(file, specifier), [...path, file]);
    }
    done.add(file);
  };
  for (const file of sources.keys()) walk(file, []);
  return circles;
}

const files = [...sourcesBelow("src"), ...sourcesBelow("bin")];
const sources: Sources = new Map(files.map((file) => [file, readFileSync(join(project, file), "utf8")]));

t.test("the import arrows are those of the table of rooms, and lead through doors", async (t) => {
  t.ok(sources.size > 10, "there are sources to look at");
  t.same(
    [...sources].flatMap(([file, source]) => faultsOf(file, source)),
    [],
  );
});

t.test("no files import each other in a circle, not even types", async (t) => {
  t.same(circlesIn(sources), []);
});

t.test("files and folders stay small enough to be read", async (t) => {
  const long = [...sources].filter(([, source]) => source.split("\n").length - 1 > MAX_FILE_LINES);
  t.same(
    long.map(([file]) => file),
    [],
  );
  const counts = new Map<string, number>();
  for (const file of files) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
  const full = [...counts].filter(([folder, count]) => count > MAX_FOLDER_FILES && !LARGE_FOLDERS.includes(folder));
  t.same(full, []);
});

t.test("an import is seen in each of its forms", async (t) => {
  const source = [
    'import a from "./a.js";',
    'import {\n  b,\n  type c,\n} from "./b.js";',
    'import type { D } from "./d.js";',
    'import "./e.js";',
    'export * from "./f.js";',
    'const g = await import("./g.js");',
  ].join("\n");
  t.same(
    importsOf(source).map(({ specifier, typeOnly }) => `${specifier}${typeOnly ? " (types)" : ""}`),
    ["./a.js", "./b.js", "./d.js (types)", "./e.js", "./f.js", "./g.js"],
  );
});

t.test("a walk around a door, a foreign arrow and a circle are refused", async (t) => {
  const file = "src/worktree/x.ts";
  t.same(faultsOf(file, 'import { a } from "../git/index.js";'), []);
  t.same(faultsOf(file, 'import type { A } from "../git/objects/object-id.js";'), [
    "src/worktree/x.ts imports ../git/objects/object-id.js, around the door of src/git",
  ]);
  t.same(faultsOf(file, 'import { a } from "../relay/index.js";'), [
    "src/worktree/x.ts imports ../relay/index.js, of src/relay",
  ]);
  const circle = new Map([
    ["src/a/x.ts", 'import { y } from "./y.js";'],
    ["src/a/y.ts", 'import type { Z } from "../b/z.js";'],
    ["src/b/z.ts", 'export { x } from "../a/x.js";'],
    ["src/b/free.ts", 'import { z } from "./z.js";'],
  ]);
  t.same(circlesIn(circle), ["src/a/x.ts → src/a/y.ts → src/b/z.ts → src/a/x.ts"]);
});
