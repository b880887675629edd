#!/bin/sh
# draw-secrets.sh [DIRECTORY]
#
# Generates the passwords and keys of docker-compose.yml once. Existing files stay,
# since the database took its passwords from them at its first start.
set -eu
directory=${1:-/run/secrets/codegenapp}
mkdir -p "$directory"
cd "$directory"

hex() { head -c "$1" /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }

keep() { # keep FILE TEXT: writes the file atomically
    [ -s "$1" ] && return
    printf %s "$2" >".$1"
    # Each service runs as a user of its own, and mounts only this volume.
    chmod 444 ".$1"
    mv ".$1" "$1"
}

for secret in postgres-password owner-password service-password grafana-password; do
    keep $secret "$(hex 24)"
done
for secret in secret-key jwt-secret-key; do
    keep $secret "$(hex 48)"
done
keep migration-database-url "postgres://codegenapp_owner:$(cat owner-password)@postgres:5432/codegenapp?sslmode=disable"
keep database-url "postgres://codegenapp_service:$(cat service-password)@postgres:5432/codegenapp?sslmode=disable"
