#!/bin/sh
# The first process of a container in which nothing else takes that part: runs the agent with the arguments given, hands
# signals on to it, reaps whatever child is left to it, and leaves with the agent's status.
# buffers go back to the system when they are freed, whatever the largest was so far (mallopt(3))
export MALLOC_MMAP_THRESHOLD_="${MALLOC_MMAP_THRESHOLD_-131072}"
# its threads seldom allocate at the same time: pools of their own would only hold what they once had
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX-1}"
treewire=$(dirname "$(readlink -f "$0")")/../dist/bin/treewire.js
"$treewire" agent run "$@" &
agent=$!
for signal in TERM INT HUP; do
  trap "kill -$signal $agent" "$signal"
done
# a shell that waits reaps every child, not just the one that it waits for; a signal ends the wait, not the agent
while :; do
  wait "$agent"
  status=$?
  kill -0 "$agent" 2>/dev/null || exit "$status"
done
