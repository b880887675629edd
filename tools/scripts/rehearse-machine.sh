#!/usr/bin/env bash
# rehearse-machine.sh FOLDER
#
# Does what docs/operations/one-machine.md says, block by block, in a Debian 12
# of its own: systemd in a container without a network, with real PostgreSQL, Redis and
# nginx. Needs root, systemd-nspawn and debootstrap; the first time it fills the folder
# from Debian, and every time it works on a copy. Blocks below "not rehearsed" are left out,
# those below "may fail" need not succeed.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() { echo "rehearse-machine.sh: $*" >&2; exit 1; }
folder=${1:?"rehearse-machine.sh FOLDER, where a Debian is or shall be"}
for program in systemd-nspawn debootstrap; do
    command -v "$program" >/dev/null || fail "there is no $program; apt-get install systemd-container debootstrap"
done
[ "$(id -u)" = 0 ] || fail "only root can start a container"
if [ ! -e "$folder/etc/debian_version" ]; then
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,postgresql,redis-server,nginx-light,curl,ca-certificates,openssl,adduser \
        bookworm "$folder" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"}
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp --archive --reflink=auto "$folder" "$work/machine"
root=$work/machine/root

# What step 2 would have downloaded.
arch=$(dpkg --print-architecture)
CGO_ENABLED=0 go build -trimpath -o "$root/codegenapp_linux_$arch" ./cmd/codegenapp
wanted=(infrastructure/systemd tools/scripts/smoke.sh)
[ ! -d infrastructure/backup ] || wanted+=(infrastructure/backup)
tar --create --gzip --file="$root/codegenapp_machine.tar.gz" "${wanted[@]}"
(cd "$root" && sha256sum -- codegenapp_* >SHA256SUMS)

# shellcheck disable=SC2016 # the machine expands it
{
    echo "set -euxo pipefail; trap 'echo \$? >/root/status; systemctl poweroff' EXIT; exec >/root/log 2>&1"
    echo "VERSION=v1.0.0 ARCH=$arch"
    awk '/^<!-- not rehearsed/ { skip = 1 }
         /^<!-- may fail/    { lenient = 1 }
         /^```$/ && open     { if (lenient) print "set -e"; open = skip = lenient = 0; next }
         /^```sh$/ { open = 1; if (!skip) print "echo \"== block " ++n "\""; if (lenient) print "set +e"; next }
         open && !skip' docs/operations/one-machine.md
    echo 'systemctl show codegenapp --property=ActiveState,SubState,NRestarts,MemoryCurrent,MemoryMax'
    echo 'systemctl --failed --no-legend'
    # No right and no way to one, and the filter of system calls in force, says the kernel.
    echo 'pid=$(systemctl show codegenapp --property=MainPID --value); grep -E "^(Cap(Eff|Bnd)|NoNewPrivs|Seccomp):" /proc/$pid/status'
    echo 'grep -q "^NoNewPrivs:.1" /proc/$pid/status && grep -q "^Seccomp:.2" /proc/$pid/status'
    echo 'journalctl --unit=codegenapp --output=cat --no-pager --lines=60 >/root/journal'
    # Ended by systemd in time, not killed.
    echo 'systemctl stop codegenapp; test "$(systemctl show codegenapp --property=Result --value)" = success'
} >"$root/rehearsal.sh"
cat >"$work/machine/etc/systemd/system/rehearsal.service" <<'UNIT'
[Unit]
After=multi-user.target
[Service]
Type=exec
ExecStart=/bin/bash /root/rehearsal.sh
[Install]
WantedBy=default.target
UNIT
ln -sf /etc/systemd/system/rehearsal.service "$work/machine/etc/systemd/system/default.target.wants/rehearsal.service" 2>/dev/null ||
    { mkdir -p "$work/machine/etc/systemd/system/multi-user.target.wants" && ln -sf ../rehearsal.service "$work/machine/etc/systemd/system/multi-user.target.wants/rehearsal.service"; }

timeout 300 systemd-nspawn --quiet --register=no --keep-unit --private-network --directory="$work/machine" --boot >"$work/console" 2>&1 || true
status=$(cat "$root/status" 2>/dev/null || echo none)
if [ "$status" != 0 ]; then
    tail -40 "$work/console" "$root/log" "$root/journal" >&2 || true
    fail "the rehearsal ended with status $status; the last lines are above"
fi
cat "$root/log" "$root/journal"
blocks=$(grep -c '^== block' "$root/log")
echo "rehearsed $blocks blocks of docs/operations/one-machine.md"
