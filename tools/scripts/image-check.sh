#!/bin/sh
# image-check.sh
#
# Builds the program twice from the newest commit, in two folders, once with an
# empty cache, and compares the bytes. Then builds the image, unpacks it, runs it
# as its own user with nothing but its own files, and checks its health.
set -eu
cd "$(dirname "$0")/../.."

missing=
[ "$(id -u)" = 0 ] || missing="$missing root"
for program in buildah curl chroot setpriv; do
    command -v $program >/dev/null || missing="$missing $program"
done
[ -z "$missing" ] || { echo "The image cannot be checked here; missing:$missing." >&2; exit 1; }

fail() { echo "image-check: $*" >&2; exit 1; }

work=$(mktemp -d)
container=
server=
clean_up() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    [ -z "$container" ] || buildah --storage-driver vfs rm "$container" >/dev/null
    chmod -R u+w "$work" && rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

build() { # build NAME [VARIABLE=VALUE...]: prints the digest of the program
    name=$1
    shift
    git clone --quiet --no-hardlinks . "$work/$name"
    env -C "$work/$name" CGO_ENABLED=0 GOOS=linux "$@" \
        go build -buildvcs=true -trimpath -ldflags "-s -w -buildid=" -o program ./cmd/codegenapp
    sha256sum <"$work/$name/program"
}
first=$(build first)
second=$(build quite/another/folder GOCACHE="$work/cache")
[ "$first" = "$second" ] || fail "two builds of one commit differ: $first $second"
echo "two clean builds are the same: sha256 ${first%% *}"

tools/scripts/image.sh localhost/codegenapp-check >/dev/null
container=$(buildah --storage-driver vfs from --pull-never localhost/codegenapp-check)
root=$(buildah --storage-driver vfs mount "$container")
config() { buildah --storage-driver vfs inspect --format "{{$1}}" "$container"; }

user=$(config .Docker.Config.User)
case $user in
0:* | *:0 | *[!0-9:]* | *:*:* | :* | *:) fail "the image's user is not two numbers above 0: $user" ;;
*:*) ;;
*) fail "the image's user has no group: $user" ;;
esac
[ "$(config 'index .Docker.Config.Healthcheck.Test 2')" = healthcheck ] || fail "the image has no HEALTHCHECK"
[ -n "$(config 'index .Docker.Config.Labels "org.opencontainers.image.revision"')" ] || fail "the image has no revision"
files=$(cd "$root" && find . -type f | LC_ALL=C sort | tr '\n' ' ')
[ "$files" = "./codegenapp ./etc/ssl/certs/ca-certificates.crt " ] || fail "the image holds other files: $files"

# As its own user and without any capability, as in a cluster.
port=$((20000 + $$ % 10000))
random() { head -c 32 /dev/urandom | base64; }
restricted="setpriv --no-new-privs --inh-caps=-all
    --bounding-set=-all,+sys_chroot,+setuid,+setgid chroot --userspec=$user $root"
settings="DATABASE_URL=postgres://user:password@127.0.0.1:1/codegenapp SECRET_KEY=$(random) JWT_SECRET_KEY=$(random)
    GOOGLE_CLIENT_ID=check.apps.googleusercontent.com TRUSTED_PROXIES=192.0.2.1 SHUTDOWN_DRAIN=0"
# No function, so that $! is the server itself. Splitting into words is meant.
env -i PATH="$PATH" HTTP_ADDR="127.0.0.1:$port" $settings $restricted /codegenapp serve 2>"$work/log" &
server=$!
tries=0
until curl -fsS --noproxy '*' "http://127.0.0.1:$port/health/live" >"$work/answer" 2>/dev/null; do
    tries=$((tries + 1))
    { [ $tries -lt 50 ] && kill -0 $server; } || { cat "$work/log" >&2; fail "the server does not answer"; }
    sleep 0.2
done
echo "GET /health/live as $user: $(cat "$work/answer")"
ran=$(awk '/^Uid:/ { print $2 }' "/proc/$server/status"):$(awk '/^Gid:/ { print $2 }' "/proc/$server/status")
[ "$ran" = "$user" ] || fail "the server runs as $ran, not as $user"
env -i PATH="$PATH" HTTP_ADDR="127.0.0.1:$port" $restricted /codegenapp healthcheck || fail "healthcheck fails beside a server that answers"
echo "healthcheck beside the server: 0"

kill -TERM $server
wait $server || fail "the server ends with status $? after SIGTERM: $(cat "$work/log")"
server=
! env -i PATH="$PATH" HTTP_ADDR="127.0.0.1:$port" $restricted /codegenapp healthcheck 2>/dev/null || fail "healthcheck succeeds without a server"
echo "healthcheck without a server: 1; the image is good"
