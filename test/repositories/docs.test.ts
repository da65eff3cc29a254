import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import t from "tap";
import { describeError } from "../../src/util/index.js";
import type { CaseGroup, RepositoryCase } from "./case.js";
import { CONTENT, IGNORED } from "./content.js";
import { HEADS, PLACES } from "./places.js";
import { SETTINGS } from "./settings.js";
import { INDEXES, OBJECTS } from "./storage.js";
import { STRANGE, SUBMODULES } from "./strange.js";

const GROUPS: CaseGroup[] = [PLACES, HEADS, INDEXES, OBJECTS, IGNORED, CONTENT, SETTINGS, STRANGE, SUBMODULES];
const DOCS = fileURLToPath(new URL("../../../docs/repositories.md", import.meta.url));

const INTRODUCTION = `# Repositories

Every row is a test: such a repository is made with the git command line, and what Treewire shows is compared byte for
byte with what git prints. This page is written by those tests (test/repositories).

What can't be read of a tree, for want of permission or because it is damaged, is told path by path, and the rest is shown
(tests of their own try that, and repositories made at random). A directory that may not be entered is not taken for
deleted. The git program is asked for nothing but HEAD and refs of a repository with reftables. Of what a repository names,
only filters are run, and these only by \`agent --once\` or with \`--filters all\` ([install.md](install.md#filters)), as in the
rows below: no hook, no external diff, no file system monitor, no command to fetch objects. A file that is over
\`core.bigFileThreshold\` and over 512 MiB is binary, even where git would have read it. In a tree that is watched, files over
16 GiB are told by their size (watching.md).

Of git's environment \`GIT_CONFIG_COUNT\`, \`GIT_CONFIG_PARAMETERS\`, \`GIT_CONFIG_GLOBAL\`, \`GIT_CONFIG_SYSTEM\`,
\`GIT_CONFIG_NOSYSTEM\`, \`GIT_ATTR_NOSYSTEM\`, \`GIT_NO_REPLACE_OBJECTS\` and \`GIT_CEILING_DIRECTORIES\` count. Those that name
one repository's parts (\`GIT_DIR\`, \`GIT_WORK_TREE\`, \`GIT_INDEX_FILE\`, \`GIT_OBJECT_DIRECTORY\` and others) do not: a path
says which repository is meant.
`;

t.test("docs/repositories.md has a row for each case", async (t) => {
  const docs = GROUPS.map(table).join("\n");
  const written = `${INTRODUCTION}\n${docs}`;
  if (process.env.TREEWIRE_WRITE_DOCS !== undefined) writeFileSync(DOCS, written);
  t.equal(readFileSync(DOCS, "utf8"), written, "TREEWIRE_WRITE_DOCS=1 npm test -- test/repositories writes it");
});

function table({ title, cases }: CaseGroup): string {
  const rows = [["repository", "shown as git shows it"], [], ...cases.map(row)];
  const widths = [0, 1].map((column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  const line = (cells: string[]): string => {
    const filled = widths.map((width, column) => cells[column]?.padEnd(width) ?? "-".repeat(width));
    return `| ${filled.join(" | ")} |\n`;
  };
  return `## ${title}\n\n${rows.map(line).join("")}`;
}

function row({ name, refused, note }: RepositoryCase): string[] {
  const words = refused && describeError(refused.code);
  const outcome = words === undefined ? "yes" : `no: ${words.what}; ${words.advice} (\`${refused?.code}\`)`;
  return [name, note === undefined ? outcome : `${outcome}; ${note}`];
}
