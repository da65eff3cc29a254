import type { Random } from "../support/random.js";

/**
 * What people and their tools do to a working tree, as shell scripts that run in its root. `$OUT` is a directory
 * outside the tree on the same file system. Scripts may fail (a name is not there, a merge conflicts): the state that
 * they leave is what counts.
 */
export type Operation = (random: Random) => string;

const DIRECTORIES = [
  "src",
  "src/core",
  "src/core/deep/er",
  "lib",
  "docs",
  "docs/img",
  "new",
  "new/a/b",
  "build",
  "x y",
];
const NAMES = ["a.txt", "b.c", "main.js", "README.md", "data.bin", "x.o", "notes.tmp", "Makefile", "link"];
const ODD_NAMES = [
  "sp ace",
  'quo\\"te',
  "t\tab",
  "dollar$",
  "ümläut",
  "日本",
  "back\\\\slash",
  "star*",
  "-dash",
  "new\nline",
  "'",
  "a;b",
];

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
const directory = (random: Random): string => random.pick(DIRECTORIES);
const fileIn = (random: Random): string => {
  const name = random.chance(0.15) ? random.pick(ODD_NAMES) : random.pick(NAMES);
  return random.chance(0.2) ? name : `${directory(random)}/${name}`;
};
const words = (random: Random): string => `line ${random.below(99) + 1} of ${random.below(9) + 1}`;
const lines = (random: Random): string =>
  Array.from({ length: random.below(13) }, () => quote(words(random))).join(" ") || "''";
const write = (random: Random, path: string): string => `printf '%s\\n' ${lines(random)} > ${quote(path)}`;

/** Operations on files. */
export const FILE_OPERATIONS: readonly Operation[] = [
  // a directory and at once a file in it
  (r) => {
    const dir = `${directory(r)}/n${r.below(4) + 1}/m${r.below(4) + 1}/k`;
    return `mkdir -p ${quote(dir)} && ${write(r, `${dir}/${r.pick(NAMES)}`)}`;
  },
  (r) => `mkdir -p deep/1/2/3/4/5; ${write(r, "deep/1/2/3/4/5/bottom")}; ${write(r, "deep/1/2/mid")}`,
  (r) => `cp -r ${quote(directory(r))} ${quote(`copy${r.below(3) + 1}`)}`,
  (r) =>
    `mkdir -p unpacked${r.below(2) + 1} && tar cf - ${quote(directory(r))} | tar xf - -C unpacked${r.below(2) + 1}`,
  (r) => `rm -rf "$OUT/away" && mv ${quote(directory(r))} "$OUT/away"`,
  (r) => `mv "$OUT/away" ${quote(directory(r))}`,
  (r) =>
    `mkdir -p "$OUT/tree/p/q" && ${write(r, "$OUT/tree/p/q/f").replace("'$OUT", '"$OUT"\'')} && mv "$OUT/tree" in${r.below(3) + 1}`,
  (r) => `mv ${quote(directory(r))} moved${r.below(3) + 1}`,
  (r) => `mv moved${r.below(3) + 1} ${quote(`${directory(r)}/sub`)}`,
  (r) => `mv moved1 moved2 && ${write(r, "moved2/after")}`,
  (r) => `mv -T ${quote(directory(r))} ${quote(directory(r))}`,
  (r) => `rm -rf ${quote(directory(r))}`,
  (r) => {
    const dir = directory(r);
    return `rm -rf ${quote(dir)}; mkdir -p ${quote(dir)}; ${write(r, `${dir}/${r.pick(NAMES)}`)}`;
  },
  // editors: write aside and rename over; keep a backup; write in place
  (r) => {
    const path = fileIn(r);
    return `${write(r, `${path}.tmp`)} && mv ${quote(`${path}.tmp`)} ${quote(path)}`;
  },
  (r) => {
    const path = fileIn(r);
    return `mv ${quote(path)} ${quote(`${path}~`)}; ${write(r, path)}; rm -f ${quote(`${path}~`)}`;
  },
  (r) => write(r, fileIn(r)),
  (r) => write(r, fileIn(r)),
  (r) => `echo ${quote(words(r))} >> ${quote(fileIn(r))}`,
  (r) => `printf %s ${quote(words(r))} >> ${quote(fileIn(r))}`,
  (r) => `: > ${quote(fileIn(r))}`,
  (r) => `truncate -s ${r.below(31)} ${quote(fileIn(r))}`,
  (r) => `chmod ${r.pick(["755", "644", "600", "+x"])} ${quote(fileIn(r))}`,
  (r) => `touch ${quote(fileIn(r))}`,
  (r) => `rm -f ${quote(fileIn(r))}`,
  (r) => `rm -rf ${quote(fileIn(r))}; mkdir ${quote(fileIn(r))}`,
  (r) => `ln -sfn ${quote(r.pick(["../src", "a.txt", "nowhere", ".", "/etc"]))} ${quote(fileIn(r))}`,
  (r) => `rm -rf ${quote(directory(r))} && ln -s lib ${quote(directory(r))}`,
  (r) => `mv ${quote(fileIn(r))} ${quote(fileIn(r))}`,
  (r) => `cp -p ${quote(fileIn(r))} ${quote(fileIn(r))}`,
  (r) => `ln ${quote(fileIn(r))} ${quote(`hard${r.below(2) + 1}`)}; rm -f hard1`,
  (r) => `dd if=/dev/urandom of=${quote(fileIn(r))} bs=512 count=${r.below(4) + 1} 2>/dev/null`,
  (r) => `for i in $(seq ${r.below(56) + 5}); do echo $i > burst$((i % 7)).txt; done`,
  (r) => `mkdir -p many && for i in $(seq ${r.below(21) + 5}); do echo $i > many/$i; done; rm -f many/1*`,
  (r) => `mkfifo pipe${r.below(2) + 1}`,
];

/** Operations on what decides which files count. */
export const RULE_OPERATIONS: readonly Operation[] = [
  (r) =>
    `printf '%s\\n' ${r.pick(["'*.o' build/", "'*.tmp'", "new", "'/docs/*' '!/docs/a.txt'", "many"])} > .gitignore`,
  () => "rm -f .gitignore",
  (r) => `printf '%s\\n' ${r.pick(["'*.txt'", "'!*.o'", "b.c", "'*'"])} > ${quote(`${directory(r)}/.gitignore`)}`,
  (r) => `rm -f ${quote(`${directory(r)}/.gitignore`)}`,
  (r) => `mkdir -p .git/info; echo ${r.pick(["'*.bin'", "lib", "'#'"])} > .git/info/exclude`,
  (r) => `printf '%s\\n' ${r.pick(["'*.bin binary'", "'*.txt -diff'", "'*.c diff=cpp'"])} > .gitattributes`,
  () => "rm -f .gitattributes",
  () => "git init -q nested && echo 1 > nested/f && git -C nested add f && git -C nested commit -qm n",
  () => "rm -rf nested/.git",
  () => "rm -rf nested",
  () => "mkdir -p nested/.git",
];

/** Git commands. */
export const GIT_OPERATIONS: readonly Operation[] = [
  () => "git add -A",
  (r) => `git add ${quote(fileIn(r))}`,
  (r) => `git add -f ${quote(fileIn(r))}`,
  (r) => `git add -N ${quote(fileIn(r))}`,
  (r) => `git rm -q --cached ${quote(fileIn(r))}`,
  (r) => `git mv -k ${quote(fileIn(r))} ${quote(fileIn(r))}`,
  (r) => `git commit -qam ${quote(words(r))}`,
  (r) => `git add -A && git commit -qm ${quote(words(r))}`,
  () => "git commit -q --amend --allow-empty -m amended",
  (r) => `git checkout -q ${r.pick(["main", "far", "other"])}`,
  (r) => `git checkout -qf ${r.pick(["main", "far", "other"])}`,
  (r) => `git checkout -q --detach ${r.pick(["main", "far"])}`,
  (r) => `git checkout -q -B topic/${r.below(3) + 1}`,
  (r) => `git checkout -q ${r.pick(["main", "far"])} -- ${quote(directory(r))}`,
  () => "git stash -q -u",
  () => "git stash -q",
  () => "git stash pop -q",
  (r) => `git reset -q --hard ${r.pick(["HEAD", "main", "far", "HEAD~1"])}`,
  (r) => `git reset -q ${r.pick(["HEAD", "HEAD~1", "--soft HEAD~1"])}`,
  () => "git clean -fdxq",
  () => "git clean -fdq",
  () => "git merge -q other -m merged",
  () => "git merge --abort",
  (r) => `git rebase -q ${r.pick(["other", "main"])}`,
  () => "git rebase --abort",
  (r) => `git cherry-pick ${r.pick(["other", "far"])}`,
  () => "git cherry-pick --abort",
  (r) => `git worktree add -q -f "$OUT/wt${r.below(9) + 1}" --detach`,
  () => "git worktree prune",
  () => "git gc -q",
  () => "git pack-refs --all",
  (r) => `git sparse-checkout set ${r.pick(["src", "lib docs", "--no-cone '/*' '!docs'"])}`,
  () => "git sparse-checkout disable",
  (r) => `git update-index ${r.pick(["--refresh", "--really-refresh", "--index-version 4", "--index-version 2"])}`,
  () => "git read-tree HEAD",
  (r) => `git config remote.origin.url ${r.pick(["git@example.com:a.git", "https://example.com/b.git"])}`,
  (r) => `git config core.fileMode ${r.pick(["true", "false"])}`,
];

/** Operations on the root itself. They run outside of it: `$ROOT` is the root, `$OUT/spare` a copy made before. */
export const ROOT_OPERATIONS: readonly Operation[] = [
  () => 'cd "$OUT" && rm -rf spare && cp -a "$ROOT" spare && rm -rf "$ROOT" && mv spare "$ROOT"',
  () => 'cd "$OUT" && mv "$ROOT" spare && mv spare "$ROOT"',
  () => 'cd "$OUT" && rm -rf spare && mv "$ROOT" spare && cp -a spare "$ROOT" && echo back >> "$ROOT/src/a.txt"',
  () => 'mv "$ROOT/.git" "$OUT/git" && mv "$OUT/git" "$ROOT/.git"',
];
