import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sweepDelay } from "../src/worktree/follow/sweeper.js";
import { git } from "../test/support/repo.js";
import { FollowedProcess, SETTLE_MS } from "./support/followed.js";
import { progress } from "./support/measure.js";
import type { Report } from "./support/publish.js";

const REPOSITORIES = 200;
const IDLE_MS = 20_000;
/** Directories of dotfiles that each repository finds its settings through, one behind the other. */
const LINKS = 5;

interface Figures {
  home: string;
  watches: number;
  quietShare: number;
  sweepMs: number;
  rssBytes: number;
}

/** Follows many repositories at once, whose settings are found through links, and measures what they cost at rest. */
export async function benchmark(): Promise<Report> {
  const scratch = realpathSync(mkdtempSync(join(tmpdir(), "treewire-bench-")));
  try {
    const roots = makeRepositories(scratch);
    const plain = await measure("without settings", roots, makePlainHome(scratch));
    const linked = await measure("with dotfiles behind links", roots, makeLinkedHome(scratch));
    return report([plain, linked]);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function makeRepositories(scratch: string): string[] {
  const template = join(scratch, "template");
  for (const path of ["src/deep/a", "src/b", "docs/c", "d"]) {
    mkdirSync(join(template, path, ".."), { recursive: true });
    writeFileSync(join(template, path), `${path}\n`);
  }
  git(template, "init", "-q");
  git(template, "add", "-A");
  git(template, "commit", "-qm", "first");
  return Array.from({ length: REPOSITORIES }, (_, at) => {
    const root = join(scratch, "repositories", String(at));
    cpSync(template, root, { recursive: true, preserveTimestamps: true });
    git(root, "update-index", "-q", "--refresh");
    return root;
  });
}

function makePlainHome(scratch: string): string {
  const home = join(scratch, "plain");
  mkdirSync(home);
  return home;
}

/** A home whose settings are links into a directory that is itself reached through a row of links. */
function makeLinkedHome(scratch: string): string {
  const home = join(scratch, "home");
  const dotfiles = join(scratch, "dotfiles");
  mkdirSync(join(home, ".config"), { recursive: true });
  mkdirSync(join(dotfiles, "git"), { recursive: true });
  let target = dotfiles;
  for (let at = 0; at < LINKS; at++) {
    const step = join(scratch, `step${at}`);
    mkdirSync(step);
    symlinkSync(target, join(step, "dotfiles"));
    target = join(step, "dotfiles");
  }
  const ignore = join(home, ".ignore");
  writeFileSync(join(dotfiles, "gitconfig"), `[core]\n\texcludesFile = ${ignore}\n[include]\n\tpath = more\n`);
  for (const name of ["more", "ignore", "git/attributes"]) writeFileSync(join(dotfiles, name), "");
  symlinkSync(join(target, "gitconfig"), join(home, ".gitconfig"));
  symlinkSync(join(target, "ignore"), ignore);
  symlinkSync(join(target, "git"), join(home, ".config/git"));
  return home;
}

async function measure(what: string, roots: readonly string[], home: string): Promise<Figures> {
  progress(`${roots.length} repositories ${what}`);
  const env = { HOME: home, XDG_CONFIG_HOME: join(home, ".config"), GIT_CONFIG_GLOBAL: undefined };
  const followed = new FollowedProcess(roots, env);
  followed.still();
  await followed.refresh();
  await rest(SETTLE_MS);
  const before = await followed.usage();
  await rest(IDLE_MS);
  const idle = await followed.usage();
  const watches = await followed.watches();
  await followed.close();
  return {
    home: what,
    watches,
    quietShare: (idle.cpuMs - before.cpuMs) / IDLE_MS,
    sweepMs: await FollowedProcess.lookCpuMs(roots, env),
    rssBytes: idle.rssBytes,
  };
}

/** The share of a core: at rest, and by the sweeps of all trees. */
function idleShare({ quietShare, sweepMs }: Figures): number {
  return quietShare + sweepMs / sweepDelay(sweepMs / REPOSITORIES, "prompt");
}

function report(figures: readonly [Figures, Figures]): Report {
  const [plain, linked] = figures;
  const more = linked.watches - plain.watches;
  const extra = idleShare(linked) - idleShare(plain);
  return {
    title: "Many followed trees",
    method:
      `${REPOSITORIES} small repositories are followed by one process, as the agent does it; nothing happens in them. Once their user has no ` +
      `settings; once ~/.gitconfig, ~/.config/git and core.excludesFile are links into dotfiles, each through ${LINKS} more links. Idle CPU is that of 20 quiet ` +
      "seconds, a minute after they were opened, and a look at all trees over the interval of their sweeps.",
    tables: [
      {
        title: "At rest",
        columns: [
          { head: "settings" },
          ...["watches", "CPU, quiet", "CPU of a look at all", "idle CPU", "resident memory"].map((head) => ({
            head,
            align: "right" as const,
          })),
        ],
        rows: figures.map((each) => [
          each.home,
          String(each.watches),
          percent(each.quietShare),
          `${each.sweepMs.toFixed(0)} ms`,
          percent(idleShare(each)),
          `${(each.rssBytes / 1e6).toFixed(0)} MB`,
        ]),
      },
    ],
    goals: [
      {
        what: "quiet CPU of all, behind links",
        goal: "≤ 0.5 %",
        reached: percent(linked.quietShare),
        met: linked.quietShare <= 0.005,
      },
      { what: "watches that the links add, for all", goal: "≤ 20", reached: String(more), met: more <= 20 },
      { what: "idle CPU that the links add", goal: "≤ 0.5 %", reached: percent(extra), met: extra <= 0.005 },
    ],
  };
}

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}
