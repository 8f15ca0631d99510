# shellcheck shell=bash
# What every script shares. Source it; it is not a program.
# Written for bash 3.2 too, which is what macOS ships: no associative arrays, no `wait -n`, no `${x,,}`.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TOOLS="$ROOT/.tools"
cd "$ROOT"

# A repository's own tools come first, so that a newer or older one in the user's home changes nothing.
export PATH="$TOOLS/node/bin:$TOOLS/bin:$ROOT/node_modules/.bin:$PATH"

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
note() { printf '  %s\n' "$*" >&2; }
fail() {
  printf '\033[31m%s\033[0m\n' "$*" >&2
  exit 1
}
# Prints the comment at the head of a script as its help.
usage() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p;}' "$1"; }

# shellcheck source=scripts/lib/tools.sh
source "$ROOT/scripts/lib/tools.sh"
# shellcheck source=scripts/lib/postgres.sh
source "$ROOT/scripts/lib/postgres.sh"
