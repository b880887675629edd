#!/usr/bin/env bash
# smoke.sh URL [VERSION]
#
# Asks a server that has just been deployed whether it is well: from the outside, as
# nobody, changing nothing. With VERSION it has to be that one. CURL_OPTIONS goes to
# curl, such as "--cacert ca.pem".
set -euo pipefail
url=${1:?"smoke.sh URL [VERSION]"}
url=${url%/}
version=${2:-}

fail() { echo "smoke.sh: $*" >&2; exit 1; }
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

ask() { # ask STATUS PATH: the body is in $answer
    local status
    # shellcheck disable=SC2086 # words are meant
    status=$(curl -sS ${CURL_OPTIONS:-} --max-time 10 -o "$answer" -w '%{http_code}' "$url$2") || fail "$url$2 gives no answer"
    [ "$status" = "$1" ] || fail "$url$2 answers $status, not $1: $(head -c 500 "$answer")"
    echo "$1 $2"
}

# What was deployed a moment ago may still take turns with what was there before.
tries=0
while ! (ask 200 /health && grep -q "\"version\":\"$version" "$answer") >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 30 ] || { ask 200 /health; fail "$url/health is not of version $version: $(head -c 500 "$answer")"; }
    sleep 2
done
ask 200 /health
grep -q '"status":"ok"' "$answer" || fail "$url/health is not ok: $(head -c 500 "$answer")"
ask 200 /health/db
ask 200 /health/redis
ask 200 /api/v1/openapi.json
ask 401 /api/v1/projects
grep -q '"code":"token_missing"' "$answer" || fail "$url/api/v1/projects asks for no token: $(head -c 500 "$answer")"
ask 404 /api/v1/there-is-no-such-path
echo "$url is well"
