# shellcheck shell=bash
# Steps of scripts/test and what they add up to. A step that runs tests counts each of them, any other counts as one.

PASSED=0
FAILED=0
SKIPPED=0
FAILED_STEPS=()

# sum LOG passed|failed: over all "test result: ok. 5 passed; 0 failed; …" lines of cargo's, colours removed.
sum() {
  sed $'s/\x1b\\[[0-9;]*m//g' "$1" | awk -v what="$2" '/^test result: / {
    for (i = 2; i <= NF; i++) if ($i ~ "^" what) total += $(i - 1)
  } END { print total + 0 }'
}

# step NAME COMMAND...: runs it, shows its output, counts. It goes on after a failure: a run tells everything it can.
step() {
  local name=$1 log="$scratch/step.log" status=0 passed failed started=$SECONDS
  shift
  say "▸ $name"
  "$@" 2>&1 | tee "$log" || status=1
  passed=$(sum "$log" passed) failed=$(sum "$log" failed)
  if [ "$status" != 0 ] && [ "$failed" = 0 ]; then
    failed=1
  elif [ "$status" = 0 ] && [ "$passed" = 0 ]; then
    passed=1
  fi
  PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed))
  [ "$failed" = 0 ] || FAILED_STEPS+=("$name")
  note "$passed passed, $failed failed, $((SECONDS - started)) s"
  return 0
}

# skip NAME WHY: what this machine cannot do, said in a line.
skip() {
  say "▸ $1: skipped, $2"
  SKIPPED=$((SKIPPED + 1))
}

# required NAME COMMAND...: not in a pipeline, so that it may set variables; without it the rest is pointless.
required() {
  local started=$SECONDS
  say "▸ $1"
  # Not `if`: that would switch off `set -e` inside the function.
  REQUIRED=$1
  "${@:2}"
  REQUIRED=
  note "$((SECONDS - started)) s"
  PASSED=$((PASSED + 1))
}
REQUIRED=

# Process groups that work beside the steps.
BESIDE=()

# meanwhile NAME COMMAND...: begins it; `outcome NAME` waits for its end, shows what it said, and is what it came to.
meanwhile() {
  local name=$1
  shift
  # A process group of its own, so that an interruption ends all of it.
  set -m
  (
    trap 'echo $? >"$scratch/$name.status"' EXIT
    "$@"
  ) >"$scratch/$name.log" 2>&1 </dev/null &
  set +m
  BESIDE+=($!)
  echo $! >"$scratch/$name.pid"
}

# Not by `wait`: a step's command runs in a pipeline, and so in a shell whose child that is not.
outcome() {
  local name="$scratch/$1"
  while [ ! -s "$name.status" ] && kill -0 "$(cat "$name.pid")" 2>/dev/null; do sleep 0.2; done
  cat "$name.log" >&2
  [ "$(cat "$name.status" 2>/dev/null)" = 0 ]
}

verdict() {
  trap - EXIT
  remove_all "$scratch"
  [ "$FAILED" = 0 ] || note "failed: $(printf '%s; ' "${FAILED_STEPS[@]}")"
  note "$((SECONDS / 60)) minutes"
  echo "$PASSED passed, $FAILED failed$([ "$SKIPPED" = 0 ] || echo ", $SKIPPED skipped")"
  [ "$FAILED" = 0 ]
  exit
}

# At an end before the verdict: an interruption, or a step that the others need.
tidy_up() {
  local status=$?
  trap - EXIT
  # A second Ctrl-C must not stop the tidying halfway.
  trap '' INT TERM HUP
  set +e
  for pid in ${BESIDE[@]+"${BESIDE[@]}"}; do kill -TERM -- "-$pid" 2>/dev/null; done
  remove_all "$1"
  if [ -n "$REQUIRED" ]; then
    note "failed: $REQUIRED; the steps after it did not run"
    echo "$PASSED passed, $((FAILED + 1)) failed"
  fi
  exit "$status"
}

remove_all() {
  # A runtime that an interrupted test left behind names this run's directory on its command line.
  ps -A -o pid= -o command= | awk -v here="$1/" -v me="$$" 'index($0, here) && $1 != me && /serve\.mjs/ { print $1 }' |
    while read -r pid; do kill -TERM "$pid" 2>/dev/null || true; done
  [ ! -d "$1/postgres" ] || pg_remove "$1/postgres"
  rm -rf "$1"
}
