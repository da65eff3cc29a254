import { STRANGE, SUBMODULES } from "./strange.js";
import { testGroups } from "./test-groups.js";

testGroups(STRANGE, SUBMODULES);
