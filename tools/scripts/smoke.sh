#!/usr/bin/env bash
# smoke.sh URL [VERSION]
#
# Smoke test of a deployed server: from outside, without credentials, read-only. With
# VERSION the server has to report that version. CURL_OPTIONS goes to curl, such as
# "--cacert ca.pem".
set -euo pipefail
url=${1:?"smoke.sh URL [VERSION]"}
url=${url%/}
version=${2:-}

fail() { echo "smoke.sh: $*" >&2; exit 1; }
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

expect() { # expect STATUS PATH: the body is in $answer
    local status
    # shellcheck disable=SC2086 # words are meant
    status=$(curl -sS ${CURL_OPTIONS:-} --max-time 10 -o "$answer" -w '%{http_code}' "$url$2") || fail "$url$2 gives no answer"
    [ "$status" = "$1" ] || fail "$url$2 answers $status, not $1: $(head -c 500 "$answer")"
    echo "$1 $2"
}

# During a rollout, old and new replicas may both serve requests.
tries=0
while ! (expect 200 /health && grep -q "\"version\":\"$version" "$answer") >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 30 ] || { expect 200 /health; fail "$url/health is not of version $version: $(head -c 500 "$answer")"; }
    sleep 2
done
expect 200 /health
grep -q '"status":"ok"' "$answer" || fail "$url/health is not ok: $(head -c 500 "$answer")"
expect 200 /health/db
expect 200 /health/redis
expect 200 /api/v1/openapi.json
expect 401 /api/v1/projects
grep -q '"code":"token_missing"' "$answer" || fail "$url/api/v1/projects does not require a token: $(head -c 500 "$answer")"
expect 404 /api/v1/there-is-no-such-path
echo "$url is well"
