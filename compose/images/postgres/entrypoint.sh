#!/bin/sh
# Makes a database cluster in an empty data directory and runs the server: what the official image does with the
# variables that the compose file sets, and no more. Everything of it is done as the user `postgres`.
set -eu

case "${1:-}" in
  -* | '') set -- postgres "$@" ;;
esac

if [ "$1" = postgres ] && [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chown postgres:postgres "$PGDATA"
  chmod 700 "$PGDATA"
  install -d -o postgres -g postgres -m 3775 /var/run/postgresql
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
  user="${POSTGRES_USER:-postgres}"
  database="${POSTGRES_DB:-$user}"
  method="${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}"
  password_file="$(mktemp)"
  printf '%s\n' "${POSTGRES_PASSWORD:?is not set: the superuser needs a password}" >"$password_file"
  # Unquoted on purpose: these are several arguments in one variable.
  # shellcheck disable=SC2086
  initdb --username="$user" --pwfile="$password_file" --encoding=UTF8 ${POSTGRES_INITDB_ARGS:-}
  rm "$password_file"
  printf 'host all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"
  printf "listen_addresses = '*'\n" >>"$PGDATA/postgresql.conf"
  if [ "$database" != postgres ]; then
    # Single-user mode: nobody can connect before the database that they are promised is there.
    printf 'CREATE DATABASE "%s"\n' "$database" | postgres --single -D "$PGDATA" postgres >/dev/null
  fi
fi

exec "$@"
