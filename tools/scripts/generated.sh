#!/bin/sh
# generated.sh check    fails when generated files are not current
# generated.sh record   records the checksums of inputs and outputs of sqlc
#
# sqlc takes minutes to compile, too long to run it before each commit. A list of
# checksums shows as well whether an input or an output has changed since it ran.
set -eu
cd "$(dirname "$0")/../.."
record=internal/postgres/internal/db/sources.sha256

checksums() {
    export LC_ALL=C
    sum=sha256sum
    command -v $sum >/dev/null || sum='shasum -a 256'
    $sum tools/sqlc/go.mod internal/postgres/sqlc.yaml internal/postgres/migrations/*.sql \
        internal/postgres/queries/*.sql internal/postgres/internal/db/*.go
}

case ${1:-} in
record)
    checksums >$record
    ;;
check)
    checksums | diff -u $record - >&2 || {
        echo "The code under internal/postgres/internal/db is not current. Run: make generate" >&2
        exit 1
    }
    go run ./cmd/codegenapp openapi --yaml | diff -u api/openapi.yaml - >&2 || {
        echo "api/openapi.yaml is not current. Run: make generate" >&2
        exit 1
    }
    ;;
*)
    sed -n '2,3s/^# //p' "$0" >&2
    exit 2
    ;;
esac
