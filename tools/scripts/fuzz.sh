#!/bin/sh
# fuzz.sh [EXPRESSION]
#
# Runs all fuzz targets, or those whose folder, file and name match the
# expression, one after the other, each for FUZZTIME: a duration such as 30s, or a
# number of executions such as 1000000x. GOMAXPROCS bounds the workers.
#
# After each execution the fuzzer reads all coverage counters of the program. Under
# "go test -fuzz" every package that a test imports has counters, hundreds of
# thousands, and an execution takes half a millisecond. Here only the package of the
# target and the checker of its results have counters. External test packages are left
# out unless they hold the target. Findings lie where "go test -fuzz" would put them.
# FUZZCOUNTED names other folders with counters: internal/testkit/strictjson alone is
# three times as fast again.
set -eu
cd "$(dirname "$0")/../.."
expression=${1:-.}
module=$(go list -m)
corpora=$(go env GOCACHE)/fuzz
built=$PWD/bin/fuzz
mkdir -p "$built"

build() { # build PACKAGE DIRECTORY: of the package's test files alone
    elsewhere=
    if [ "${1%_test}" = "$1" ]; then
        elsewhere=$(grep -lE '^package [a-z]+_test$' "$2"/*_test.go | sed "s|.*|\"$PWD/&\": \"\"|" | paste -sd, -)
    fi
    echo "{\"Replace\": {$elsewhere}}" >"$built/overlay.json"
    flags=
    for counted in ${FUZZCOUNTED:-$2 internal/testkit/strictjson}; do
        flags="$flags -gcflags=$module/$counted=-d=libfuzzer"
    done
    go test -c -overlay "$built/overlay.json" $flags -o "$built/$1" "./$2"
}

failed=
targets=$(grep -rE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*\(' cmd internal test |
    sed 's|^\(.*\)/\([^/]*\):func \(Fuzz[A-Za-z0-9_]*\)(.*|\1 \2 \3|' | grep -E "$expression" | sort)
while read -r directory file target; do
    package=$(sed -n 's/^package //p' "$directory/$file")
    [ "${last:-}" = "$directory $package" ] || build "$package" "$directory"
    last="$directory $package"
    echo "== $directory $target"
    (cd "$directory" && "$built/$package" -test.run '^$' -test.fuzz "^$target\$" \
        -test.fuzztime "${FUZZTIME:-30s}" -test.fuzzcachedir "$corpora/$module/$directory") </dev/null ||
        failed="$failed $target"
done <<END
$targets
END
[ -z "$failed" ] || echo "Failed:$failed. The inputs lie under testdata/fuzz." >&2
[ -z "$failed" ]
