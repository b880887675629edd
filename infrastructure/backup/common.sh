# shellcheck shell=bash
# Functions of backup.sh and restore.sh. This file is sourced, not run.

# Files are readable by their owner only.
umask 077

# fail SENTENCE: what is wrong, where, and what to do.
fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# misused SENTENCE is fail for a wrong command line or a bad setting.
misused() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 2
}

need() { # need PROGRAM...
    local program
    for program; do
        command -v "$program" >/dev/null || fail "there is no $program on PATH; $(provider "$program")"
    done
}

provider() {
    case $1 in
    psql | pg_dump | pg_restore) echo "install PostgreSQL's client programs, of the server's version or newer (Debian: postgresql-client)" ;;
    flock) echo "install util-linux" ;;
    codegenapp) echo "set CODEGENAPP to the path of the server's program" ;;
    *) echo "install it" ;;
    esac
}

# setting NAME is the value of NAME, else what is in the file that NAME_FILE names,
# as the server reads its secrets.
setting() {
    local file=$1_FILE
    if [[ -n ${!1:-} ]]; then
        printf '%s' "${!1}"
    elif [[ -n ${!file:-} ]]; then
        [[ -r ${!file} ]] || misused "$file names ${!file}, which cannot be read"
        cat -- "${!file}" # the shell drops the line break at its end
    fi
}

# database NAME URL makes a URL the target of sql and of the programs. Its password
# goes through the environment, since other users can read command lines.
database() {
    local url=${2%$'\r'} encoded
    [[ $url =~ ^postgres(ql)?://[^[:space:]]+$ ]] ||
        misused "$1 is not a PostgreSQL connection URL: postgres://user:password@host:5432/database"
    [[ ! $url =~ [?\&](ssl)?password= ]] ||
        misused "$1 has a password among its parameters, which would be seen on command lines; put it before the @"
    if [[ $url =~ ^(postgres(ql)?://[^:/?@]*):([^/?@]*)@(.*)$ ]]; then
        target=${BASH_REMATCH[1]}@${BASH_REMATCH[4]} encoded=${BASH_REMATCH[3]}
        [[ ! $encoded =~ %([^0-9A-Fa-f]|.[^0-9A-Fa-f]|.?$) ]] || misused "$1 has a % in its password that encodes nothing; write %25"
        encoded=${encoded//\\/\\\\}
        printf -v PGPASSWORD '%b' "${encoded//%/\\x}"
        export PGPASSWORD
    else
        target=$url
    fi
    export PGCONNECT_TIMEOUT=${PGCONNECT_TIMEOUT:-10}
}

# sql runs the statements of standard input at the target; columns are separated by tabs.
sql() { psql -X -q -A -t -F $'\t' -v ON_ERROR_STOP=1 --no-password --dbname="$target"; }

# whole FILE reports whether a backup is intact, by the checksum next to it.
whole() {
    local sum
    [[ -r $1 && -r $1.sha256 ]] || return
    sum=$(sha256sum <"$1") || return
    [[ $(<"$1.sha256") == "${sum%% *}  ${1##*/}" ]]
}

# rows_in FILE lists the tables of a backup and how many rows each has. It reads all
# of it: the list that pg_restore prints is only the beginning of the file.
rows_in() {
    pg_restore --data-only --file=- "$1" | LC_ALL=C awk '
        within && $0 == "\\." { print table "\t" rows; within = 0; next }
        within                { rows++; next }
        /^COPY /              { table = $2; rows = 0; within = 1 }' | LC_ALL=C sort
}

# sum_of_rows adds up what rows_in lists.
sum_of_rows() { awk -F '\t' '{ n += $2 } END { printf "%d tables, %d rows", NR, n }' <<<"$1"; }
