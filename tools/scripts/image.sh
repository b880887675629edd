#!/bin/sh
# image.sh NAME
#
# Builds the program from the working tree, and the image NAME around it, with
# Debian's buildah; no engine, registry or base image is needed. The layout in
# bin/image is the context of docker/Dockerfile.release.
set -eu
cd "$(dirname "$0")/../.."
name=${1:?"image.sh NAME"}

missing=
[ "$(id -u)" = 0 ] || missing="$missing root"
command -v buildah >/dev/null || missing="$missing buildah"
[ -r /etc/ssl/certs/ca-certificates.crt ] || missing="$missing ca-certificates"
if [ -n "$missing" ]; then
    echo "The image cannot be built here; missing:$missing. With Docker: docker build -f docker/Dockerfile ." >&2
    exit 1
fi

arch=$(go env GOARCH)
context=bin/image
rm -rf $context
mkdir -p "$context/linux/$arch"
CGO_ENABLED=0 GOOS=linux go build -buildvcs=true -trimpath -ldflags "-s -w -buildid=" -o "$context/linux/$arch/" ./cmd/codegenapp
cp -L /etc/ssl/certs/ca-certificates.crt $context/
# Whatever umask this shell has, the image's user has to read and run them.
chmod -R a+rX $context

# Docker's format, as the other one knows no HEALTHCHECK. The time is the commit's,
# so that the same content has the same digest.
buildah --storage-driver vfs bud --isolation chroot --format docker --quiet \
    --timestamp "$(git log -1 --format=%ct)" \
    --build-arg TARGETOS=linux --build-arg "TARGETARCH=$arch" \
    --build-arg "VERSION=$("$context/linux/$arch/codegenapp" version | awk 'NR == 1 { print $2 }')" \
    --build-arg "REVISION=$(git rev-parse HEAD)" \
    --file docker/Dockerfile.release --tag "$name" $context
