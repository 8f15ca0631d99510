# shellcheck shell=bash
# A browser for the tests of the pages. It is the one thing that does not come into .tools/: no registry of packages has
# one, so it is the machine's own, or Debian's where we may install that.

# find_browser: sets CHROME_PATH to a Chromium, or fails.
find_browser() {
  local candidate
  [ -z "${CHROME_PATH:-}" ] || { [ -x "$CHROME_PATH" ] && return 0; }
  for candidate in chromium chromium-browser google-chrome google-chrome-stable \
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" "/Applications/Chromium.app/Contents/MacOS/Chromium"; do
    CHROME_PATH=$(command -v "$candidate") && export CHROME_PATH && return 0
  done
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  say "Installing Chromium from Debian's packages"
  # A machine without a network has none to give.
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } >&2 || return 1
  CHROME_PATH=$(command -v chromium) && export CHROME_PATH
}

# What drives the browser, by its own lock file; again only when that changed.
install_browser_tests() {
  local place="$ROOT/tests/browser"
  cmp -s "$place/package-lock.json" "$place/node_modules/.zygo-lock" && return 0
  say "Installing the browser tests' npm packages (playwright-core, axe-core)"
  npm ci --prefix "$place" --ignore-scripts --no-audit --no-fund >&2
  cp "$place/package-lock.json" "$place/node_modules/.zygo-lock"
}
