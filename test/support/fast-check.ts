// fast-check, which draws from the seed of all random tests. It is imported from here alone.
import fc from "fast-check";
import { SEED } from "./random.js";

fc.configureGlobal({ seed: SEED });

export default fc;
