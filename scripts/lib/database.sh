# shellcheck shell=bash
# From a server to a database that the Worker can use.

# Runs a task of scripts/xtask; building it first is nothing when nothing changed.
# XTASK may name one that is built already.
xtask() {
  if [ -n "${XTASK:-}" ]; then "$XTASK" "$@"; else cargo run --quiet --package xtask -- "$@"; fi
}

# Compiles xtask with visible progress, so that the first call above is not a long silence.
build_xtask() {
  say "Building the tools of the repository (scripts/xtask)"
  cargo build --package xtask
}

# prepare_database ADMIN_URL PASSWORDS [NAME]: roles, database, migrations. Sets OWNER_URL, APP_URL and PLATFORM_URL.
prepare_database() {
  local urls
  urls=$(xtask bootstrap --database-url "$1" --passwords "$2" ${3:+--create "$3"}) || exit 1
  # xtask refuses to print anything here that a shell would not take literally.
  eval "$urls"
  xtask migrate up --database-url "$OWNER_URL" >&2
}

# What wrangler and miniflare put behind the two Hyperdrive bindings locally.
export_hyperdrive() {
  export CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_DB="$APP_URL"
  export CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_DB_PLATFORM="$PLATFORM_URL"
}
