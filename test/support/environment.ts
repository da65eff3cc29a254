// Imported for what it does: what the person who runs the tests has configured, in git and in the environment, decides
// nothing. Tests of configuration name their own files.
process.env.GIT_CONFIG_GLOBAL = "/dev/null";
process.env.GIT_CONFIG_NOSYSTEM = "1";
process.env.XDG_CONFIG_HOME = "/nonexistent"; // git's ignore and attributes files of the user, the agent's settings

/** What names one repository's parts, as in a hook; settings of one command; and those of the programs under test. */
const LEFT_OUT =
  /^(GIT_(DIR|WORK_TREE|INDEX_FILE|PREFIX|OBJECT_DIRECTORY|CEILING_DIRECTORIES|CONFIG_(COUNT|PARAMETERS)|EXTERNAL_DIFF)|TREEWIRE_.*)$/;
/** What says how much is tested. */
const KEPT = /^TREEWIRE_(TEST_SEED|TEST_NATS_SERVER|GENERATED|MANY|DAMAGES|WRITE_DOCS|BIG_REPO|BIG_PACK|LONG_HISTORY)$/;
for (const name of Object.keys(process.env)) if (LEFT_OUT.test(name) && !KEPT.test(name)) delete process.env[name];
