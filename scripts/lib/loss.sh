# shellcheck shell=bash
# The test that kills: a PostgreSQL of its own, in SCRATCH/loss, of the built Worker in ZYGO_BUILD_DIR.
#
#   loss_test SCRATCH      ZYGO_LOSS_SECONDS and ZYGO_LOSS_SEED say how long and which moments

# scripts/test has another.
native_cargo() { cargo "$@"; }

loss_test() (
  scratch=$1/loss
  mkdir -p "$scratch"
  chmod 711 "$scratch"
  # As in production: what it confirmed outlives its own end.
  pg_start "$scratch/postgres" dev
  trap 'pg_remove "$scratch/postgres"' EXIT
  prepare_database "$PG_URL" "$PG_HOME/roles.json" zygo
  export DATABASE_URL="$PG_URL" OWNER_URL APP_URL PLATFORM_URL ZYGO_TEST_DIR="$scratch" ZYGO_LOSS_POSTGRES="$scratch/postgres"
  native_cargo test --workspace --all-features --test loss
)
