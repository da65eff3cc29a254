#!/bin/sh
# For a workspace's start-up script: runs the agent in the background, and again should it crash; does nothing where one
# runs. Settings come from the environment or from ~/.config/treewire/agent.toml. Usage: start.sh [LOG]
# Leaves with 0 when the agent answers, and with 2 and the last line of its log when it has ended or does not in time.
treewire=$(dirname "$(readlink -f "$0")")/../dist/bin/treewire.js
log=${1:-${XDG_STATE_HOME:-$HOME/.local/state}/treewire/agent.log}
"$treewire" agent status >/dev/null 2>&1 && exit 0
mkdir -p "$(dirname "$log")" && : >>"$log" || exit 2
# buffers go back to the system when they are freed, whatever the largest was so far (mallopt(3))
export MALLOC_MMAP_THRESHOLD_="${MALLOC_MMAP_THRESHOLD_-131072}"
# its threads seldom allocate at the same time: pools of their own would only hold what they once had
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX-1}"
(
  trap '' HUP
  while :; do
    "$treewire" agent run >>"$log" 2>&1
    case $? in
      0 | 2 | 77 | 78) exit ;; # asked to; or trying again would be useless: the log says why
      126 | 127) exit ;;       # there is no such program, or no Node.js
    esac
    sleep "${RESTART_SECONDS:-5}"
  done
) </dev/null >/dev/null 2>&1 &
loop=$!
tries=$((${WAIT_SECONDS:-3} * 10))
while [ "$tries" -gt 0 ]; do
  "$treewire" agent status >/dev/null 2>&1 && exit 0
  kill -0 "$loop" 2>/dev/null || break
  tries=$((tries - 1))
  sleep 0.1
done
echo "treewire: the agent does not answer; the end of $log:" >&2
tail -n 1 "$log" >&2
exit 2
