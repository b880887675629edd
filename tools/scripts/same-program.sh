#!/usr/bin/env bash
# same-program.sh IMAGE DIRECTORY
#
# Takes the program out of the image for each of its platforms, and compares it with
# codegenapp_<os>_<arch> in the directory.
set -euo pipefail
image=${1:?"same-program.sh IMAGE DIRECTORY"}
directory=${2:?"same-program.sh IMAGE DIRECTORY"}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for platform in linux/amd64 linux/arm64; do
    released=$directory/codegenapp_${platform/\//_}
    # Nothing runs, so the image of another architecture will do, too.
    container=$(docker create --platform "$platform" "$image")
    docker cp "$container:/codegenapp" "$work/codegenapp"
    docker rm "$container" >/dev/null
    cmp "$work/codegenapp" "$released" || {
        echo "same-program.sh: $image has another program for $platform than $released; were both built by the same Go, from the same commit?" >&2
        exit 1
    }
    echo "$platform: the image has the released program"
done
