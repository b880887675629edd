#!/usr/bin/env bash
# release.sh
#
# Builds what a release consists of from the newest commit into bin/release: the
# program for each platform, the list of modules in it (CycloneDX), files for a machine,
# and checksums. The bytes are those that docker/Dockerfile makes of the same commit
# with the same Go. The workspace is in the commit as built files, which the program
# embeds; make check has compared them with web/.
set -euo pipefail
cd "$(dirname "$0")/../.."

platforms=(linux/amd64 linux/arm64 darwin/amd64 darwin/arm64)
released=$PWD/bin/release

fail() { echo "release.sh: $*" >&2; exit 1; }
[ -z "$(git status --porcelain)" ] || fail "the working tree has changes that are not committed; a release is of a commit"
wanted=$(sed -n 's/^ARG GO_VERSION=//p' docker/Dockerfile)
[ "$(go env GOVERSION)" = "go$wanted" ] || fail "docker/Dockerfile builds with go$wanted, this is $(go env GOVERSION); set GOTOOLCHAIN=go$wanted"

rm -rf "$released"
mkdir -p "$released"
for platform in "${platforms[@]}"; do
    GOOS=${platform%/*} GOARCH=${platform#*/} CGO_ENABLED=0 \
        go build -buildvcs=true -trimpath -ldflags "-s -w -buildid=" \
        -o "$released/codegenapp_${platform%/*}_${platform#*/}" ./cmd/codegenapp
done

# Of the module graph and not of a binary, so that licences are in it, too.
go tool -modfile=tools/go.mod cyclonedx-gomod app -json -licenses -std \
    -main cmd/codegenapp -noserial -output "$released/codegenapp.cdx.json" . 2>"$released/log" ||
    { cat "$released/log" >&2; fail "the list of modules could not be made"; }
rm "$released/log"
# What a plain Linux machine needs beside the program: units, backup and smoke test.
wanted=(infrastructure/systemd tools/scripts/smoke.sh)
[ ! -d infrastructure/backup ] || wanted+=(infrastructure/backup)
git archive --format=tar HEAD "${wanted[@]}" | gzip -n >"$released/codegenapp_machine.tar.gz"

cd "$released"
sha256sum -- * >SHA256SUMS
cat SHA256SUMS
