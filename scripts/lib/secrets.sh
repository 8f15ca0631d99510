# shellcheck shell=bash
# What scripts/dev and scripts/rotate-keys share: .dev.vars, as far as each Worker beside the edge may know it, where wrangler looks for it.

# share_secrets [NAME=VALUE]...: the console knows what the edge knows, with variables that the edge is given on the command line; without
# any, those that it had. The SAML Worker knows its keys.
share_secrets() {
  local console="$ROOT/workers/console/build/.dev.vars" more
  more=$([ $# -gt 0 ] && printf '%s\n' "$@" || grep -E '^(PUBLIC_URL|ISSUER)=' "$console" 2>/dev/null || true)
  mkdir -p "${console%/*}"
  (
    umask 077
    grep '^SAML_KEYS=' "$ROOT/.dev.vars" >"$ROOT/workers/saml/.dev.vars"
    { cat "$ROOT/.dev.vars" && echo "$more"; } >"$console"
  )
}
