#!/bin/sh
# For a workspace's start-up script: runs the agent in the background, and again should it crash; does nothing where one
# runs. Settings come from the environment or from ~/.config/treewire/agent.toml. Usage: start.sh [LOG]
log=${1:-${XDG_STATE_HOME:-$HOME/.local/state}/treewire/agent.log}
agent status >/dev/null 2>&1 && exit 0
mkdir -p "$(dirname "$log")"
# buffers go back to the system when they are freed, whatever the largest was so far (mallopt(3))
export MALLOC_MMAP_THRESHOLD_="${MALLOC_MMAP_THRESHOLD_-131072}"
(
  trap '' HUP
  while :; do
    agent >>"$log" 2>&1
    case $? in
      0 | 2 | 77 | 78) exit ;; # asked to; or trying again would be useless: the log says why
    esac
    sleep "${RESTART_SECONDS:-5}"
  done
) </dev/null >/dev/null 2>&1 &
