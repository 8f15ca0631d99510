# shellcheck shell=bash
# The scripts for operators, run against a false Cloudflare, and a PostgreSQL of their own in SCRATCH/operations: they make roles, which are
# the whole server's.
#
#   operations_test SCRATCH      of the built Workers in ZYGO_BUILD_DIR

operations_test() (
  scratch=$1/operations
  mkdir -p "$scratch"
  chmod 711 "$scratch"
  pg_start "$scratch/postgres" test
  trap 'pg_remove "$scratch/postgres"' EXIT
  DATABASE_URL=$PG_URL XTASK=${XTASK:?} node "$ROOT/tests/operations/run.mjs" "$scratch/work"
)
