#!/bin/sh
# generated.sh check    fails when generated files are not current
# generated.sh record   notes what the code of internal/postgres was made from
#
# sqlc takes minutes to compile, so that nobody wants to wait for it before each
# commit. A note of checksums beside its code tells as well whether an input or
# an output has changed since it ran.
set -eu
cd "$(dirname "$0")/../.."
note=internal/postgres/internal/db/sources.sha256

checksums() {
    export LC_ALL=C
    sum=sha256sum
    command -v $sum >/dev/null || sum='shasum -a 256'
    $sum tools/sqlc/go.mod internal/postgres/sqlc.yaml internal/postgres/migrations/*.sql \
        internal/postgres/queries/*.sql internal/postgres/internal/db/*.go
}

case ${1:-} in
record)
    checksums >$note
    ;;
check)
    checksums | diff -u $note - >&2 || {
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
