#!/bin/sh
# ensure-packages.sh PACKAGE...
#
# Ensures that the programs of these Debian packages are installed. As root on Debian
# it installs what is missing; elsewhere it prints what to install. It starts no service.
set -eu

found() { # found PROGRAM DIRECTORY...: on PATH, or in one of the directories
    command -v "$1" >/dev/null && return
    program=$1
    shift
    for directory; do
        [ -x "$directory/$program" ] && return
    done
    return 1
}

installed() { # installed PACKAGE
    case $1 in
    postgresql) found postgres /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin \
        /usr/local/opt/postgresql*/bin /Applications/Postgres.app/Contents/Versions/*/bin ;;
    nodejs) found node ;;
    chromium) found chromium || found chromium-browser || found google-chrome || found google-chrome-stable ;;
    *) found "$1" ;;
    esac
}

missing=
for package; do
    installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "These packages are missing. Install:" $missing >&2
    exit 1
fi

# Debian starts a service that it installs, unless this file forbids it.
policy=/usr/sbin/policy-rc.d
log=$(mktemp)
trap 'rm -f "$log" "${ours:-}"' EXIT
trap 'exit 130' INT TERM
if [ ! -e $policy ]; then
    ours=$policy
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
fi

echo "Installing" $missing >&2
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get -qq update && apt-get -qq install --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    echo "The installation failed. Install by hand:" $missing >&2
    exit 1
fi
