# shellcheck shell=bash
# What scripts/dev and scripts/rotate-keys share: .dev.vars, as far as each Worker beside the edge may know it, where wrangler looks for it.

# share_secrets [NAME=VALUE]...: those that share the edge's bindings know what it knows, with variables that it is given on the command
# line; without any, those that they had. The SAML Worker knows its keys.
share_secrets() {
  local vars more worker
  (
    umask 077
    grep '^SAML_KEYS=' "$ROOT/.dev.vars" >"$ROOT/workers/saml/.dev.vars"
    for worker in background console; do
      vars="$ROOT/workers/$worker/build/.dev.vars"
      more=$([ $# -gt 0 ] && printf '%s\n' "$@" || grep -E '^(PUBLIC_URL|ISSUER)=' "$vars" 2>/dev/null || true)
      mkdir -p "${vars%/*}"
      { cat "$ROOT/.dev.vars" && echo "$more"; } >"$vars"
    done
  )
}
