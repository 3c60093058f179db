#!/bin/sh
# Runs COMMAND with a temporary PostgreSQL server:
#
#     tests/postgres.sh COMMAND [ARGUMENT…]
#
# COMMAND finds the server's superuser URL in SIGNET_TEST_POSTGRES_URL. The server and its folder are gone
# afterwards, also after a signal; the exit code is COMMAND's. Works as root (the server then runs as the
# user postgres) and as an ordinary user. Needs PostgreSQL's server programs, on the PATH or where Debian puts them.
set -eu

[ $# -gt 0 ] || { echo "usage: tests/postgres.sh COMMAND [ARGUMENT...]" >&2; exit 64; }

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || bin=$(dirname "$(command -v initdb || echo /nowhere/initdb)")
[ -x "$bin/initdb" ] || {
    echo "tests/postgres.sh: no initdb in /usr/lib/postgresql/*/bin or on the PATH: install PostgreSQL's server package" >&2
    exit 69
}

folder=$(mktemp -d "${TMPDIR:-/tmp}/signet-postgres.XXXXXX")
if [ "$(id -u)" -eq 0 ]; then
    chown postgres "$folder"
    as_server() { (cd "$folder" && exec setpriv --reuid=postgres --regid=postgres --clear-groups "$@"); }
    command -v setpriv >/dev/null || as_server() { (cd "$folder" && exec runuser -u postgres -- "$@"); }
else
    as_server() { (cd "$folder" && exec "$@"); }
fi

# COMMAND's input, kept from the server and from the shell, which gives background commands none.
exec 3<&0 </dev/null

command_pid=
stop() {
    trap - EXIT INT TERM HUP
    as_server "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true
    rm -rf "$folder"
}
interrupted() {
    [ -z "$command_pid" ] || kill -s "$1" "$command_pid" 2>/dev/null || true
    [ -z "$command_pid" ] || wait "$command_pid" 2>/dev/null || true
    stop
    exit "$2"
}
trap stop EXIT
trap 'interrupted INT 130' INT
trap 'interrupted TERM 143' TERM
trap 'interrupted HUP 129' HUP

as_server "$bin/initdb" -D "$folder/data" -U signet -A trust -E UTF8 --locale=C.UTF-8 >"$folder/initdb.log" 2>&1 || {
    cat "$folder/initdb.log" >&2
    exit 70
}

# A free port can be taken by somebody else before the server binds it: then try another.
port=
for attempt in 1 2 3 4 5 6 7 8; do
    port=$((20000 + ($(od -An -N2 -tu2 /dev/urandom | tr -d ' ') % 12000)))
    if as_server "$bin/pg_ctl" -D "$folder/data" -l "$folder/data/server.log" -w -t 30 start \
        -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200" >/dev/null 2>&1 3<&-; then
        break
    fi
    [ "$attempt" -lt 8 ] || { cat "$folder/data/server.log" >&2; exit 70; }
done

SIGNET_TEST_POSTGRES_URL="postgres://signet@127.0.0.1:$port/postgres"
export SIGNET_TEST_POSTGRES_URL

# In the background, so that a signal to this script is not put off until COMMAND ends; with the input it came with.
"$@" <&3 3<&- &
command_pid=$!
code=0
wait "$command_pid" || code=$?
command_pid=
exit "$code"
