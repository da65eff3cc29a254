#!/bin/sh
# A hook that a coding agent runs after it has edited a file; the JSON that it gets on standard input names the file.
# The chat is CODER_CHAT_ID, or else the coding agent's own session. AGENT names the program if it is not on the path.
#
# An edit must not fail because nobody follows it: what goes wrong is said on standard error, and the status is 0.
"${AGENT:-agent}" track --hook --chat "${CODER_CHAT_ID:-}" || echo "treewire: the edit is not followed" >&2
exit 0
