// The program `treewire` as it is installed, for what runs in prompts and hooks; the build makes `code/treewire.cjs` of it,
// as it makes `code/agent.cjs` of `quick-agent.ts`.
import { runAgentQuickly } from "../src/agent/index.js";
import { loadProgram } from "../src/util/index.js";

const argv = process.argv.slice(2);
const [first, ...rest] = argv;
const whole = () => import("./treewire.js");

void loadProgram("treewire", () => {
  if (first === "diff") return runAgentQuickly(argv, whole, "treewire");
  return first === "agent" ? runAgentQuickly(rest, whole, "treewire agent") : whole();
});
