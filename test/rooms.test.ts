import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";

// The table of rooms: which folder may import which. A folder that is not here may not exist.
const ROOMS: Record<string, { rooms: string[]; packages: "any" | string[]; typesOnly?: boolean }> = {
  "src/diff": { rooms: [], packages: [] },
  "src/protocol": { rooms: [], packages: ["zod"] },
  "src/util": { rooms: [], packages: "any" },
  "src/git": { rooms: ["src/util"], packages: "any" },
  "src/worktree": { rooms: ["src/git", "src/diff", "src/util"], packages: "any" },
  "src/agent": { rooms: ["src/worktree", "src/protocol", "src/util"], packages: "any" },
  "src/relay": { rooms: ["src/protocol", "src/util"], packages: "any" },
  "src/client": { rooms: ["src/protocol"], packages: "any" },
  "src/web": { rooms: ["src/protocol"], packages: [], typesOnly: true },
  bin: { rooms: ["src/agent", "src/relay"], packages: "any" },
};

const project = fileURLToPath(new URL("../../", import.meta.url));

function roomOf(path: string): string {
  const [top = "", room = ""] = path.split("/");
  return top === "src" ? `src/${room}` : top;
}

function sourcesBelow(folder: string): string[] {
  const top = join(project, folder);
  if (!existsSync(top)) return [];
  return readdirSync(top, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));
}

/** Every `import … from "x"`, `export … from "x"`, `import "x"` and `import("x")` of a source. */
function importsOf(source: string): { specifier: string; typeOnly: boolean }[] {
  const statements = source.matchAll(/^(?:import|export)\s+(type\s)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"/gm);
  const calls = source.matchAll(/\bimport\("([^"]+)"\)/g);
  return [
    ...[...statements].map(([, type, specifier = ""]) => ({ specifier, typeOnly: type !== undefined })),
    ...[...calls].map(([, specifier = ""]) => ({ specifier, typeOnly: false })),
  ];
}

function faultsOf(file: string): string[] {
  const room = roomOf(file);
  const rule = ROOMS[room];
  if (rule === undefined) return [`${file}: ${room} is not in the table of rooms`];
  return importsOf(readFileSync(join(project, file), "utf8")).flatMap(({ specifier, typeOnly }) => {
    if (!specifier.startsWith(".")) {
      return rule.packages === "any" || rule.packages.includes(specifier) ? [] : [`${file} imports ${specifier}`];
    }
    const target = roomOf(relative(project, join(project, dirname(file), specifier)));
    if (target === room) return [];
    if (!rule.rooms.includes(target)) return [`${file} imports ${specifier}, of ${target}`];
    return rule.typesOnly === true && !typeOnly ? [`${file} imports more than types of ${target}`] : [];
  });
}

t.test("the import arrows are those of the table of rooms", async (t) => {
  const files = [...sourcesBelow("src"), ...sourcesBelow("bin")];
  t.ok(files.length > 10, "there are sources to look at");
  t.same(files.flatMap(faultsOf), []);
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
