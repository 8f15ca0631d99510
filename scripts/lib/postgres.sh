# shellcheck shell=bash
# A PostgreSQL of one's own, from npm's @embedded-postgres packages: made, started and stopped by these functions.
#
#   pg_start DIR dev|test   sets PG_PORT and PG_URL (as superuser, database postgres); DIR is created when missing
#   pg_stop DIR             ends it quickly; nothing is lost
#   pg_remove DIR           stops it and deletes its data

# The server refuses to run as root, so root lends it to this user.
PG_USER=nobody
# Prefix of commands that must run as the server's user; empty unless we are root.
PG_AS=()
# Where the server's data and, if need be, its programs are; see pg_locate.
PG_HOME=
PG_PROGRAMS=
PG_PORT=
PG_URL=

as_pg() { ${PG_AS[@]+"${PG_AS[@]}"} "$@"; }

pg_become_unprivileged() {
  [ "$(id -u)" = 0 ] || return 0
  if command -v setpriv >/dev/null; then
    PG_AS=(setpriv --reuid "$(id -u "$PG_USER")" --regid "$(id -g "$PG_USER")" --clear-groups --)
  else
    PG_AS=(sudo -u "$PG_USER" --)
  fi
}

# The package's links, which its install script would lay.
pg_link_libraries() {
  node -e '
    const fs = require("fs"), path = require("path"), root = process.argv[1];
    for (const { source, target } of JSON.parse(fs.readFileSync(`${root}/native/pg-symlinks.json`, "utf8"))) {
      const link = path.join(root, target);
      if (fs.lstatSync(link, { throwIfNoEntry: false })) continue;
      fs.symlinkSync(path.relative(path.dirname(link), path.join(root, source)), link);
    }' "$1"
}

# pg_locate DIR: sets PG_HOME and PG_PROGRAMS. Normally DIR and node_modules. But a repository under /root (or under
# a private temporary directory) cannot be entered by the server's user: then both live below /var/tmp.
pg_locate() {
  local package
  package="$ROOT/node_modules/@embedded-postgres/$(platform)"
  [ -d "$package" ] || fail "There is no PostgreSQL package for $(platform); use --database-url."
  pg_become_unprivileged
  pg_link_libraries "$package"
  mkdir -p "$1"
  if as_pg test -x "$1" && as_pg test -x "$package/native/bin/postgres"; then
    PG_HOME=$1 PG_PROGRAMS="$package/native/bin"
    return 0
  fi
  PG_HOME="/var/tmp/zygo-$(id -u)-$(printf '%s' "$1" | cksum | tr ' ' '-')"
  PG_PROGRAMS="$PG_HOME/programs/native/bin"
  mkdir -p -m 711 "$PG_HOME"
  [ -O "$PG_HOME" ] || fail "$PG_HOME belongs to somebody else; delete it or move the repository."
  [ -x "$PG_PROGRAMS/postgres" ] && return 0
  mkdir -p "$PG_HOME/programs"
  cp -R "$package/native" "$PG_HOME/programs/"
}

# SCRAM stretches weak passwords, at the price of milliseconds of WebAssembly on every connection. Ours are 256 random
# bits, so one round is as safe as 4096. The caller gets the superuser's password in a file that only he can read.
pg_init() {
  local password handed
  say "Creating a PostgreSQL database in $PG_HOME"
  password=$(node -p 'require("crypto").randomBytes(32).toString("hex")')
  rm -rf "$PG_HOME/data"
  mkdir -p "$PG_HOME/data"
  handed="$PG_HOME/data.password"
  (umask 077 && printf '%s' "$password" >"$handed" && printf '%s' "$password" >"$PG_HOME/superuser")
  [ "$(id -u)" != 0 ] || chown "$PG_USER" "$PG_HOME/data" "$handed"
  as_pg "$PG_PROGRAMS/initdb" --pgdata "$PG_HOME/data" --username postgres --pwfile "$handed" --auth scram-sha-256 \
    --set scram_iterations=1 --encoding UTF8 --locale-provider builtin --builtin-locale C.UTF-8 --locale C \
    --no-sync --no-instructions >"$PG_HOME/initdb.log" 2>&1 || fail "initdb failed: $(tail -3 "$PG_HOME/initdb.log")"
  rm -f "$handed"
  touch "$PG_HOME/complete"
}

# What a machine that stopped without warning leaves behind. A server that still runs is an orphan of ours (one
# directory has one owner at a time), so it is ended; a number that now belongs to another program is just deleted.
pg_clear_stale() {
  local file="$PG_HOME/data/postmaster.pid" pid
  [ -f "$file" ] || return 0
  pid=$(head -1 "$file")
  case "$(ps -p "$pid" -o comm= 2>/dev/null)" in
    *postgres*) as_pg "$PG_PROGRAMS/pg_ctl" stop -D "$PG_HOME/data" -m fast -w >/dev/null 2>&1 || true ;;
    *) rm -f "$file" ;;
  esac
}

# pg_settings dev|test: what differs from the defaults, as arguments of the server.
pg_settings() {
  printf -- '-c %s ' listen_addresses=127.0.0.1 unix_socket_directories= shared_buffers=32MB max_connections=200 \
    timezone=UTC log_timezone=UTC scram_iterations=1 max_wal_size=256MB
  # A test's data is thrown away; a developer's survives a power cut.
  [ "$1" = dev ] || printf -- '-c %s ' fsync=off synchronous_commit=off full_page_writes=off
}

pg_start() {
  local attempt log
  pg_locate "$1"
  [ -f "$PG_HOME/complete" ] || pg_init
  pg_clear_stale
  log="$PG_HOME/data/server.log"
  # A port may be taken between the moment it is found free and the moment it is used: hence three attempts.
  for attempt in 1 2 3; do
    PG_PORT=$(free_port "$(cat "$PG_HOME/port" 2>/dev/null || echo 0)")
    if as_pg "$PG_PROGRAMS/pg_ctl" start -D "$PG_HOME/data" -l "$log" -w -t 60 -o "-p $PG_PORT $(pg_settings "$2")" >/dev/null 2>&1; then
      echo "$PG_PORT" >"$PG_HOME/port"
      PG_URL="postgres://postgres:$(cat "$PG_HOME/superuser")@127.0.0.1:$PG_PORT/postgres"
      return 0
    fi
    rm -f "$PG_HOME/port"
    note "PostgreSQL did not start (attempt $attempt)"
  done
  fail "PostgreSQL does not start. Its log ends with:
$(tail -5 "$log" 2>/dev/null)"
}

# pg_again DIR dev|test: starts a server that was killed, at the port that it had. While a process of the one before is still about to
# notice its end, a new one does not begin: hence ten attempts.
pg_again() {
  local attempt
  pg_locate "$1"
  for attempt in 1 2 3 4 5 6 7 8 9 10; do
    # Whoever calls this has killed the process that the file names.
    rm -f "$PG_HOME/data/postmaster.pid"
    if as_pg "$PG_PROGRAMS/pg_ctl" start -D "$PG_HOME/data" -l "$PG_HOME/data/server.log" -w -t 60 \
      -o "-p $(cat "$PG_HOME/port") $(pg_settings "$2")" >/dev/null 2>&1; then
      return 0
    fi
    sleep 0.5
  done
  fail "PostgreSQL does not come back. Its log ends with:
$(tail -5 "$PG_HOME/data/server.log" 2>/dev/null)"
}

pg_stop() {
  pg_locate "$1"
  [ -f "$PG_HOME/data/postmaster.pid" ] || return 0
  as_pg "$PG_PROGRAMS/pg_ctl" stop -D "$PG_HOME/data" -m fast -w -t 20 >/dev/null 2>&1 ||
    as_pg "$PG_PROGRAMS/pg_ctl" stop -D "$PG_HOME/data" -m immediate -w -t 5 >/dev/null 2>&1 || true
}

pg_remove() {
  pg_stop "$1"
  rm -rf "$PG_HOME" "$1"
}
