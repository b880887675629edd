#!/bin/sh
# draw-secrets.sh [DIRECTORY]
#
# Generates the passwords and keys of docker-compose.yml once, in one directory for each
# service that reads some of them. Existing files stay, since the database took its
# passwords from them at its first start.
set -eu
umask 077
directory=${1:-/run/secrets/codegenapp}

hex() { head -c "$1" /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }

keep() { # keep SERVICE/FILE TEXT: writes the file atomically
    [ -s "$directory/$1" ] && return
    mkdir -p "$directory/${1%/*}"
    printf %s "$2" >"$directory/$1.new"
    mv "$directory/$1.new" "$directory/$1"
}

for secret in postgres-password owner-password service-password; do
    keep postgres/$secret "$(hex 24)"
done
owner=$(cat "$directory/postgres/owner-password") service=$(cat "$directory/postgres/service-password")
keep migrate/migration-database-url "postgres://codegenapp_owner:$owner@postgres:5432/codegenapp?sslmode=disable"
# Migrations only need the name of the service's role.
keep migrate/database-url "postgres://codegenapp_service@postgres:5432/codegenapp?sslmode=disable"
keep backend/database-url "postgres://codegenapp_service:$service@postgres:5432/codegenapp?sslmode=disable"
keep backend/secret-key "$(hex 48)"
keep backend/jwt-secret-key "$(hex 48)"
keep grafana/grafana-password "$(hex 24)"

# Only the user that a service runs as can read its directory.
for reader in postgres:70 migrate:65532 backend:65532 grafana:472; do
    chmod -R u=rX,go= "$directory/${reader%:*}"
    [ "$(id -u)" != 0 ] || chown -R "${reader#*:}" "$directory/${reader%:*}"
done
