import { CONTENT, IGNORED } from "./content.js";
import { SETTINGS } from "./settings.js";
import { testGroups } from "./test-groups.js";

testGroups(IGNORED, CONTENT, SETTINGS);
