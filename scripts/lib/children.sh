# shellcheck shell=bash
# Child processes that end with us, whatever ends us; and the lock that lets one dev run per clone.

LOCK="$ROOT/.zygo/dev.lock"
CHILDREN="$ROOT/.zygo/dev.children"

# Every background job becomes a process group of its own: Ctrl-C then reaches only this script, which ends the others
# in order, and one signal to a group reaches the grandchildren too (wrangler starts workerd, for instance).
set -m

# start COMMAND...: runs it in the background; sets STARTED to its process group.
start() {
  "$@" </dev/null &
  STARTED=$!
  echo "$STARTED" >>"$CHILDREN"
}

# end_group GROUP: asks, waits up to five seconds, insists.
end_group() {
  local tick
  kill -TERM -- "-$1" 2>/dev/null || return 0
  for tick in $(seq 1 50); do
    kill -0 -- "-$1" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL -- "-$1" 2>/dev/null || true
}

# is_ours GROUP: whether that group is one of this clone, and not a number that was given to somebody else since.
is_ours() { ps -A -o pgid= -o command= | awk -v group="$1" '$1 == group' | grep -qF -e "$ROOT/" -e scripts/dev; }

end_children() {
  local group
  [ -f "$CHILDREN" ] || return 0
  while read -r group; do
    ! is_ours "$group" || end_group "$group"
  done <"$CHILDREN"
  rm -f "$CHILDREN"
}

take_lock() {
  local owner
  mkdir -p "$ROOT/.zygo"
  # `set -C` makes the redirection fail when the file exists: test and creation in one step.
  if ! (set -C && echo "$$" >"$LOCK") 2>/dev/null; then
    owner=$(cat "$LOCK" 2>/dev/null || true)
    case "$(ps -o command= -p "${owner:-0}" 2>/dev/null)" in
      *scripts/dev*) fail "scripts/dev already runs in this clone (process $owner). Stop it with Ctrl-C there, or: kill $owner" ;;
    esac
    note "The last run (process ${owner:-unknown}) was killed before it could tidy up; doing that now."
    end_children
    echo "$$" >"$LOCK"
  fi
  : >"$CHILDREN"
}
