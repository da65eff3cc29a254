// Compiles into empty folders, so that a deleted source leaves no program or test behind that still runs.
//
//   dist/src, dist/test, dist/bench   module by module, for the tests; not packed
//   dist/bin, dist/chunks, dist/diff  bundled: the programs and threads, what they share, and the door treewire/diff
//   dist/types                        declarations of that door
//   dist/man                          manual pages, made from the programs' own help
//   dist/openapi                      what a relay says of its HTTP interface, made from its routes' schemas
//   dist/web                          the page: index.html and, below assets/, hashed files, each compressed as well
//   packages/client/dist              the door treewire/client, bundled, with its part for Node.js and its declarations
//
// With `--unbundled`, programs and threads stay as the compiler made them, module by module, so that coverage can be counted
// for each source. Such a build is not to be packed.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build } from "esbuild-wasm";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const run = (script, ...args) => execFileSync(process.execPath, [here(script), ...args], { stdio: "inherit" });
const tsc = (config) => run("node_modules/typescript/bin/tsc", "-p", here(config));
for (const folder of ["dist", "packages/client/dist"]) rmSync(here(folder), { recursive: true, force: true });

tsc("tsconfig.json");

// the core of the line diff is AssemblyScript: its WebAssembly goes into a module, so that a bundler takes it along
const wasm = here("dist/src/diff/core.wasm");
const options = [
  "-O3",
  "--noAssert",
  "--runtime",
  "stub",
  "--use",
  "abort=",
  "--initialMemory",
  "16",
  "--enable",
  "simd",
];
run("node_modules/assemblyscript/bin/asc.js", here("src/diff/core/index.ts"), "--outFile", wasm, ...options);
const base64 = readFileSync(wasm).toString("base64");
writeFileSync(here("dist/src/diff/core-module.js"), `export const coreModule = "${base64}";\n`);
rmSync(wasm);

const isUnbundled = process.argv.includes("--unbundled");
const bundled = {
  absWorkingDir: here("."),
  bundle: true,
  format: "esm",
  packages: "external", // installed beside it: their fixes come without a release of this one, their licences with them
  sourcemap: false, // maps would be larger than the bundles, which are readable and name the source of every part
  plugins: [pastDoors()],
  logLevel: "warning",
};
const forNode = { ...bundled, platform: "node", target: "node20.19", outdir: "dist" };
const threads = { "tree-thread": "worker", "check-thread": "check-worker" };
if (isUnbundled) {
  for (const [name, module] of Object.entries(threads)) {
    writeFileSync(here(`dist/bin/${name}.cjs`), `import("../src/worktree/thread/${module}.js");\n`);
  }
  for (const name of ["agent", "treewire"]) {
    writeFileSync(here(`dist/bin/${name}.cjs`), `#!/usr/bin/env node\nimport("./quick-${name}.js");\n`);
  }
} else await bundlePrograms();
for (const program of ["agent", "treewire"]) chmodSync(here(`dist/bin/${program}.cjs`), 0o755);
for (const program of ["agent", "relay", "treewire"]) chmodSync(here(`dist/bin/${program}.js`), 0o755);

// what needs Node.js of the client is a file of its own: browsers never load it (`browser` in the package's manifest)
for (const [name, entry] of Object.entries({ index: "client/index.js", link: "util/link/index.js" })) {
  await build({
    ...bundled,
    plugins: [...bundled.plugins, besideIt("./link.js", /\/util\/link\/index\.js$/)],
    entryPoints: { [name]: `dist/src/${entry}` },
    outdir: "packages/client/dist",
    platform: "neutral",
    target: "es2022",
  });
}
tsc("tsconfig.doors.json");
copyDeclarations("diff/index.d.ts", here("dist/declared"), here("dist/types"));
copyDeclarations("client/index.d.ts", here("dist/declared"), here("packages/client/dist/types"));
rmSync(here("dist/declared"), { recursive: true });

await bundlePage();
await describeRelays();
for (const [page, args] of Object.entries({ treewire: [], "treewire-agent": ["agent"], "treewire-relay": ["relay"] })) {
  writeManual(page, args);
}

/** Writes a manual page: the help of a program and of each of its commands. */
function writeManual(page, args) {
  const program = [here("dist/bin/treewire.js"), ...args, "--help-all"];
  const [whole, ...commands] = JSON.parse(execFileSync(process.execPath, program, { encoding: "utf8" }));
  const { version } = JSON.parse(readFileSync(here("package.json"), "utf8"));
  const roff = (text) => text.replace(/[\\-]/g, (sign) => (sign === "-" ? "\\-" : "\\e")).replace(/^(?=[.'])/gm, "\\&");
  const verbatim = (text) => `.nf\n${roff(text.replace(/\n{2,}/g, "\n\n").trimEnd()).replace(/^$/gm, ".sp")}\n.fi\n`;
  const others = { treewire: "agent relay", "treewire-agent": "relay", "treewire-relay": "agent" }[page].split(" ");
  const sections = [
    `.TH ${page.toUpperCase()} 1 "" "treewire ${version}" "Treewire"\n`,
    `.SH NAME\n${roff(page)} \\- the live diff of git working trees\n`,
    `.SH SYNOPSIS\n${verbatim(whole.help)}`,
    ...(commands.length === 0 ? [] : [".SH COMMANDS\n"]),
    ...commands.map(({ command, help }) => `.SS ${roff(command)}\n${verbatim(help)}`),
    `.SH SEE ALSO\n${others.map((name) => `.BR ${roff(`treewire-${name}`)} (1)`).join(",\n")}\n`,
  ];
  mkdirSync(here("dist/man"), { recursive: true });
  writeFileSync(here(`dist/man/${page}.1`), sections.join(""));
}

async function describeRelays() {
  const { DESCRIBED, descriptionPath } = await import("./dist/src/relay/http/description/description.js");
  const { describeRelay } = await import("./dist/src/relay/http/description/describe.js");
  mkdirSync(here("dist/openapi"));
  for (const each of DESCRIBED)
    writeFileSync(here(descriptionPath(each)), gzipSync(await describeRelay(each), { level: 9 }));
}

async function bundlePage() {
  const { metafile } = await build({
    ...bundled,
    packages: "bundle",
    platform: "browser",
    target: ["chrome105", "firefox115", "safari16.4"],
    plugins: [withoutNode()],
    entryPoints: { main: "src/web/main.tsx", styles: "src/web/styles.css" },
    tsconfig: here("src/web/tsconfig.json"),
    outdir: "dist/web/assets",
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    splitting: true, // what is not needed before the first diff is shown comes after it
    minify: true,
    metafile: true,
    legalComments: "none",
    banner: { js: "/* Holds preact (MIT) and highlight.js (BSD-3-Clause): see LICENSES.txt beside this file. */" },
  });
  const outputOf = (entry) =>
    basename(Object.entries(metafile.outputs).find(([, output]) => output.entryPoint === entry)[0]);
  const icon = readFileSync(here("src/web/icon.svg"));
  const iconName = `icon-${createHash("sha256").update(icon).digest("hex").slice(0, 8)}.svg`;
  writeFileSync(here(`dist/web/assets/${iconName}`), icon);
  const licences = ["preact", "highlight.js"].map((name) => readFileSync(here(`node_modules/${name}/LICENSE`), "utf8"));
  writeFileSync(here("dist/web/assets/LICENSES.txt"), licences.join("\n\n"));
  const names = { script: outputOf("src/web/main.tsx"), style: outputOf("src/web/styles.css"), icon: iconName };
  const page = readFileSync(here("src/web/index.html"), "utf8");
  writeFileSync(
    here("dist/web/index.html"),
    page.replace(/\{(script|style|icon)\}/g, (_, name) => names[name]),
  );
  for (const name of readdirSync(here("dist/web/assets"))) {
    const bytes = readFileSync(here(`dist/web/assets/${name}`));
    writeFileSync(here(`dist/web/assets/${name}.gz`), gzipSync(bytes, { level: 9 }));
    writeFileSync(here(`dist/web/assets/${name}.br`), brotliCompressSync(bytes));
  }
}

/** What the client does in Node.js alone is nothing in a page. */
function withoutNode() {
  return {
    name: "without-node",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /\/util\/link\/index\.js$/ }, ({ path }) => ({ path, namespace: "nothing" }));
      onLoad({ filter: /.*/, namespace: "nothing" }, () => ({ contents: "export {};" }));
    },
  };
}

async function bundlePrograms() {
  await bundleQuickPrograms();
  await build({
    ...forNode,
    entryPoints: {
      "bin/agent": "dist/bin/agent.js",
      "bin/relay": "dist/bin/relay.js",
      "bin/treewire": "dist/bin/treewire.js",
      "diff/index": "dist/src/diff/index.js",
    },
    allowOverwrite: true,
    splitting: true, // what several need is there once, and what a command needs is loaded by that command alone
    chunkNames: "chunks/[name]-[hash]",
  });
  // a first scan waits for these to start, which takes them 2 ms longer in pieces, and 2 ms more for a package to look up
  await build({
    ...asCommonJs(["lru-cache"]),
    external: ["iconv-lite", "@parcel/watcher"], // loaded by the few trees, and on the platforms, that need them
    plugins: [pastDoors(), lateParts()],
    entryPoints: { "tree-thread": `dist/src/worktree/thread/${threads["tree-thread"]}.js` },
  });
  await build({
    ...asCommonJs([]),
    outdir: "dist/bin",
    plugins: [pastDoors(), lateParts()],
    entryPoints: {
      "check-thread": `dist/src/worktree/thread/${threads["check-thread"]}.js`,
      ...Object.fromEntries(["agent", "treewire", "tree-thread"].map((name) => [name, "dist/bin/cached.js"])),
    },
  });
  for (const name of readdirSync(here("dist/bin/code"))) {
    const text = readFileSync(here(`dist/bin/code/${name}`), "utf8");
    writeFileSync(here(`dist/bin/code/${name}`), text.replace(/\bimport\(/g, "importModule(")); // see src/util/v8/code-cache.ts
  }
  for (const folder of ["dist/bin", "dist/bin/code", "dist/chunks"]) writeInAscii(folder);
  // of what tsc had made
  for (const name of [
    "agent.js.map",
    "cached.js",
    "cached.js.map",
    "relay.js.map",
    "treewire.js.map",
    "relay-commands.js",
    "relay-commands.js.map",
  ]) {
    rmSync(here(`dist/bin/${name}`));
  }
}

/**
 * Takes the letters beyond ASCII out of the comments of bundles: V8 keeps a source as long as it may be run, at two bytes a
 * letter if there is one of them. esbuild has escaped those of strings. Whatever else has one, such as a regular expression,
 * means it, and stays.
 */
function writeInAscii(folder) {
  const beyond = /[^\0-\x7f]/g;
  for (const name of readdirSync(here(folder)).filter((each) => /\.c?js$/.test(each))) {
    const text = readFileSync(here(`${folder}/${name}`), "utf8");
    const plain = text.replace(/^[ \t]*(?:\/\/.*$|\/\*[\s\S]*?\*\/)/gm, (comment) =>
      comment.replaceAll("→", "->").replaceAll("…", "...").replace(beyond, "?"),
    );
    if (plain !== text) writeFileSync(here(`${folder}/${name}`), plain);
  }
}

/** One file below the programs that holds all it needs, in the form that Node.js starts soonest. @param held the packages in it */
function asCommonJs(held) {
  const licences = `// Holds ${held.join(", ")}; their licences are in their packages, which are installed beside this one.`;
  return {
    ...forNode,
    packages: "bundle",
    format: "cjs",
    outdir: "dist/bin/code",
    outExtension: { ".js": ".cjs" },
    define: { "import.meta.dirname": "__dirname", "import.meta.filename": "__filename" },
    ...(held.length > 0 && { banner: { js: licences } }),
  };
}

/**
 * The quick commands of `agent` and `treewire`, as CommonJS: Node.js starts that before its loader of modules is there. What only `--once`
 * needs is a file of its own, and every other command is the whole program's.
 */
async function bundleQuickPrograms() {
  const quick = {
    ...asCommonJs(["zod", "smol-toml", "fastest-levenshtein", "picocolors", "lru-cache"]),
    external: ["iconv-lite"], // for the few trees that need it
  };
  await build({
    ...quick,
    plugins: [
      pastDoors(),
      ...["agent", "treewire"].map((name) => besideIt(`../${name}.js`, new RegExp(`^\\./${name}\\.js$`))),
      required("./once.cjs", /\/once-command\.js$/),
      required("./daemon.cjs", /\/daemon-program\.js$/),
    ],
    entryPoints: { agent: "dist/bin/quick-agent.js", treewire: "dist/bin/quick-treewire.js" },
  });
  await build({
    ...quick,
    plugins: [pastDoors(), lateParts()],
    entryPoints: { once: "dist/src/agent/cli/once-command.js" },
  });
  await build({
    ...asCommonJs(["zod", "p-queue", "smol-toml", "fastest-levenshtein", "proxy-from-env"]),
    // those that meet the network, and whose fixes should not wait for a release; those that few need
    external: ["ws", "pino", "@secretlint/*", "@parcel/watcher", "iconv-lite"],
    plugins: [pastDoors()],
    entryPoints: { daemon: "dist/src/agent/cli/daemon-program.js" },
  });
  for (const name of ["quick-agent", "quick-treewire"]) {
    rmSync(here(`dist/bin/${name}.js`));
    rmSync(here(`dist/bin/${name}.js.map`));
  }
}

/** The same for CommonJS: requires the file beside the bundle, as `import()` would start the loader of modules. */
function required(path, filter) {
  return {
    name: "required",
    setup({ onResolve, onLoad }) {
      onResolve({ filter }, ({ kind }) => (kind === "dynamic-import" ? { path, namespace: "required" } : undefined));
      onResolve({ filter: /.*/, namespace: "required" }, (wanted) => ({ path: wanted.path, external: true }));
      onLoad({ filter: /.*/, namespace: "required" }, (wanted) => ({
        contents: `module.exports = require(${JSON.stringify(wanted.path)});`,
      }));
    },
  };
}

/** Loads those parts of Node.js that take long, and that few runs need, when something of them is used. */
function lateParts() {
  return {
    name: "late-parts",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^node:(?:child_process|crypto|net|v8|worker_threads|zlib)$/ }, ({ path, namespace }) =>
        namespace === "late" ? { path, external: true } : { path, namespace: "late" },
      );
      onLoad({ filter: /.*/, namespace: "late" }, async ({ path }) => ({
        contents: Object.keys(await import(path))
          .filter((name) => name !== "default")
          .map(
            (name) =>
              `Object.defineProperty(exports, "${name}", { enumerable: true, get: () => require("${path}").${name} });`,
          )
          .join("\n"),
      }));
    },
  };
}

/** Leaves a module that is imported when it is needed to the file beside the bundle that holds it. */
function besideIt(path, filter) {
  return {
    name: "beside-it",
    setup({ onResolve }) {
      onResolve({ filter }, ({ kind }) => (kind === "dynamic-import" ? { path, external: true } : undefined));
    },
  };
}

/** Copies the declarations of a door and what they refer to: tsc makes them for every module behind it. */
function copyDeclarations(name, from, to) {
  if (existsSync(join(to, name))) return;
  cpSync(join(from, name), join(to, name));
  for (const [, specifier] of readFileSync(join(from, name), "utf8").matchAll(/(?:from |import\()"(\.[^"]+)\.js"/g)) {
    copyDeclarations(`${join(dirname(name), specifier)}.d.ts`, from, to);
  }
}

/**
 * Has every module import a name from the module that defines it instead of from a room's door. esbuild puts whatever can be
 * reached by an import into what is loaded, and through a door everything of a room can be: `agent --version` would load
 * the logger, and `relay --version` the whole server.
 */
function pastDoors() {
  const within = here("dist/");
  const known = new Map();
  const specifiers = (list) =>
    list
      .split(",")
      .map((each) => each.trim().split(" as "))
      .filter(([name]) => name !== "")
      .map(([name, as = name]) => ({ name, as }));
  /** Where each name that a module exports is defined: [name, { path, name there }]. As tsc prints exports. */
  const exportsOf = (path) => {
    if (known.has(path)) return known.get(path);
    const source = readFileSync(path, "utf8");
    const names = new Map();
    for (const [, name] of source.matchAll(/^export (?:async )?(?:function\*?|class|const|let) (\w+)/gm)) {
      names.set(name, { path, name });
    }
    for (const [, list, from] of source.matchAll(/^export \{([^}]*)\} from "(\.[^"]+)";/gm)) {
      for (const { name, as } of specifiers(list)) names.set(as, exportsOf(join(dirname(path), from)).get(name));
    }
    for (const [, from] of source.matchAll(/^export \* from "(\.[^"]+)";/gm)) {
      for (const [name, place] of exportsOf(join(dirname(path), from))) names.set(name, place);
    }
    known.set(path, names);
    return names;
  };
  const straight = (path, from) => (specifier) => {
    const place = exportsOf(join(dirname(path), from)).get(specifier.name);
    if (place === undefined) throw new Error(`${path}: no ${specifier.name} is found in ${from}`);
    return `import { ${place.name} as ${specifier.as} } from "./${relative(dirname(path), place.path)}";`;
  };
  return {
    name: "past-doors",
    setup({ onLoad }) {
      onLoad({ filter: /\.js$/ }, ({ path }) => {
        if (!path.startsWith(within)) return undefined;
        const contents = readFileSync(path, "utf8").replace(
          /^import \{([^}]*)\} from "(\.[^"]+)";/gm,
          (_, list, from) => specifiers(list).map(straight(path, from)).join(" "), // on one line: maps stay true
        );
        return { contents, loader: "js", resolveDir: dirname(path) };
      });
    },
  };
}
