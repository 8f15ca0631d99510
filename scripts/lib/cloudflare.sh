# shellcheck shell=bash
# What scripts/setup, deploy, rollback and rotate-keys share. They talk to Cloudflare through wrangler, with
# CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID from the environment (or after `wrangler login`).

# environment_of NAME: checks it; wrangler.toml knows these two.
environment_of() {
  case "${1:-}" in
    staging | production) echo "$1" ;;
    *) fail "Which environment? staging or production" ;;
  esac
}

# Secrets of an environment. Cloudflare never gives a secret back, so this file is the only copy that can be rotated:
# keep it in the team's password store, and put it here for these scripts.
secrets_file() { echo "$ROOT/.zygo/secrets.$1"; }

require_account() {
  wrangler whoami --json >/dev/null 2>&1 || fail "wrangler is not signed in: set CLOUDFLARE_API_TOKEN (and CLOUDFLARE_ACCOUNT_ID), or run: npx wrangler login"
}

# run COMMAND...: runs it, or under --dry-run only says so. Nothing secret may stand in its words.
run() {
  if [ -n "${dry_run:-}" ]; then
    note "would run: $*"
  else
    "$@"
  fi
}

# config_of NAME: the configuration of the Worker that holds a secret.
config_of() {
  case "$1" in
    SAML_KEYS) echo "$ROOT/workers/saml/wrangler.toml" ;;
    *) echo "$ROOT/wrangler.toml" ;;
  esac
}

# put_secret ENVIRONMENT NAME FILE: by standard input, so that it stands on no command line.
put_secret() {
  if [ -n "${dry_run:-}" ]; then
    note "would run: wrangler secret put $2 --env $1   (value from $3)"
  else
    xtask secret "$2" --file "$3" | wrangler secret put "$2" --config "$(config_of "$2")" --env "$1"
  fi
  [ "$2" != SAML_KEYS ] || return 0
  # What the edge knows, those know that share its bindings.
  local worker
  for worker in background console; do
    if [ -n "${dry_run:-}" ]; then
      note "would run: wrangler secret put $2 --name zygo-$1-$worker   (value from $3)"
    else
      xtask secret "$2" --file "$3" | wrangler secret put "$2" --name "zygo-$1-$worker"
    fi
  done
}

# set_id ENVIRONMENT BINDING KEY ID: writes an id into wrangler.toml, in that environment's line of that binding.
set_id() {
  local partial="$ROOT/wrangler.toml.partial"
  awk -v section="[env.$1" -v binding="binding = \"$2\"" -v key="$3" -v id="$4" '
    /^\[/ { inside = index($0, section "]") == 1 || index($0, section ".") == 1 }
    inside && index($0, binding) { sub(key " = \"[^\"]*\"", key " = \"" id "\"") }
    { print }' "$ROOT/wrangler.toml" >"$partial"
  mv "$partial" "$ROOT/wrangler.toml"
}

# json_find NAME_KEY ID_KEY NAME: the id of the entry with that name, in JSON on standard input; nothing if there is none.
json_find() {
  node -e '
    const [nameKey, idKey, name] = process.argv.slice(1);
    const text = require("fs").readFileSync(0, "utf8");
    // wrangler may print a notice before the document.
    const found = JSON.parse(text.slice(text.indexOf("["))).find((entry) => entry[nameKey] === name);
    if (found) console.log(found[idKey]);' "$@"
}
