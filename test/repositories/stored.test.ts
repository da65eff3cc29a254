import { HEADS, PLACES } from "./places.js";
import { INDEXES, OBJECTS } from "./storage.js";
import { testGroups } from "./test-groups.js";

testGroups(PLACES, HEADS, INDEXES, OBJECTS);
