#!/usr/bin/env bash
# released-image.sh VERSION
#
# Prints the image of a release by its digest, after verifying GitHub's attestation that
# release.yml of this repository built it from that very tag. Under GitHub Actions it
# becomes the output "image". Needs docker, gh, and GITHUB_REPOSITORY as owner/name.
set -euo pipefail
version=${1:?"released-image.sh VERSION, such as v1.2.3"}
name=ghcr.io/${GITHUB_REPOSITORY,,}

digest=$(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$name:$version")
[[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || {
    echo "released-image.sh: $name:$version has no digest that could be read: $digest" >&2
    exit 1
}
gh attestation verify "oci://$name@$digest" --repo "$GITHUB_REPOSITORY" \
    --signer-workflow "$GITHUB_REPOSITORY/.github/workflows/release.yml" --source-ref "refs/tags/$version" >&2
echo "$name@$digest"
[ -z "${GITHUB_OUTPUT:-}" ] || echo "image=$name@$digest" >>"$GITHUB_OUTPUT"
