#!/usr/bin/env bash
# backup.sh [prune]
#
# Writes a backup of the database of BACKUP_DATABASE_URL into BACKUP_DIR, reads it
# back, and removes the backups that BACKUP_KEEP_DAILY, _WEEKLY and _MONTHLY do not
# keep. With "prune" it only removes. See README.md.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

# Removes the partial files of a backup that was interrupted.
remove_partial() { rm -f -- "$directory"/.codegenapp-*.partial; }

# keep NAME DEFAULT is a number of backups.
keep() {
    local number=${!1:-$2}
    [[ $number =~ ^[0-9]{1,4}$ ]] || misused "$1 is not a number of backups to keep"
    echo $((10#$number))
}

# check_role fails unless the role reads every row of every table. Without this check
# pg_dump would fail, too, but with a message that does not name the reason.
check_role() {
    local role bypasses unreadable migrated
    IFS=$'\t' read -r role bypasses migrated unreadable < <(sql <<'SQL'
SELECT current_user, rolsuper OR rolbypassrls, to_regclass('public.goose_db_version') IS NOT NULL,
       (SELECT string_agg(c.oid::regclass::text, ', ' ORDER BY c.relname)
        FROM   pg_class AS c
        WHERE  c.relkind IN ('r', 'p', 'S', 'm') AND c.relnamespace = 'public'::regnamespace
        AND    NOT CASE c.relkind WHEN 'S' THEN has_sequence_privilege(c.oid, 'SELECT') ELSE has_table_privilege(c.oid, 'SELECT') END)
FROM   pg_roles WHERE rolname = current_user;
SQL
    ) || fail "the database of BACKUP_DATABASE_URL cannot be queried; see psql's message above"
    [[ $bypasses == t ]] || fail "row-level security would hide rows from $role, the role of BACKUP_DATABASE_URL;" \
        "take a role that has BYPASSRLS and is a member of pg_read_all_data (README.md, The role)"
    [[ -z $unreadable ]] || fail "$role, the role of BACKUP_DATABASE_URL, may not read $unreadable; GRANT pg_read_all_data TO $role"
    [[ $migrated == t ]] || fail "the database of BACKUP_DATABASE_URL is not codegenapp's: it has no table goose_db_version"
}

# tables lists the tables that a backup must contain.
tables() {
    sql <<'SQL' | LC_ALL=C sort
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE  c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast');
SQL
}

backup() {
    local began=$SECONDS name partial rows sum
    name=codegenapp-$(date -u +%Y%m%dT%H%M%SZ).dump
    [[ ! -e $directory/$name ]] || fail "$directory/$name already exists; wait a second"
    partial=$directory/.$name.partial
    trap remove_partial EXIT
    pg_dump --format=custom --lock-wait-timeout=60s --no-password --file="$partial" --dbname="$target" ||
        fail "pg_dump failed; see its message above. There is no backup"
    rows=$(rows_in "$partial") || fail "what pg_dump wrote to $directory cannot be read back; there is no backup"
    [[ $(cut -f 1 <<<"$rows") == "$(tables)" ]] ||
        fail "what pg_dump wrote has other tables than the database; there is no backup. If migrations run at the moment, try again"
    sum=$(sha256sum <"$partial")
    printf '%s  %s\n' "${sum%% *}" "$name" >"$directory/.$name.sha256.partial"
    # The checksum first, so that a backup is complete as soon as it has its name.
    sync -- "$partial" "$directory/.$name.sha256.partial"
    mv -- "$directory/.$name.sha256.partial" "$directory/$name.sha256"
    mv -- "$partial" "$directory/$name"
    sync -- "$directory"
    printf 'wrote %s: %s, %d bytes, in %d s\n' "$directory/$name" "$(sum_of_rows "$rows")" \
        "$(stat -c %s -- "$directory/$name")" $((SECONDS - began))
}

# prune keeps the newest backup of each of the newest days, weeks and months that
# have one, and in any case the newest intact one. A damaged backup does not count:
# the next older one is kept instead, and the damaged one stays for inspection.
prune() {
    local -A place taken=() used=([day]=0 [week]=0 [month]=0)
    local -a all=() wanted doomed=() damaged=()
    local n file kind kept=0
    for file in "$directory"/codegenapp-????????T??????Z.dump; do
        [[ ! $file =~ /codegenapp-[0-9]{8}T[0-9]{6}Z\.dump$ ]] || all+=("$file")
    done
    for ((n = ${#all[@]} - 1; n >= 0; n--)); do
        file=${all[n]} wanted=() place=([day]=${all[n]: -21:8} [month]=${all[n]: -21:6})
        place[week]=$(date -u -d "${place[day]}" +%G-%V) || fail "$file has no date in its name; move it away"
        for kind in day week month; do
            [[ -n ${taken["$kind ${place[$kind]}"]:-} ]] || ((${used[$kind]} >= ${most[$kind]})) || wanted+=("$kind")
        done
        if ((kept > 0 && ${#wanted[@]} == 0)); then
            doomed+=("$file")
        elif whole "$file"; then
            kept=$((kept + 1))
            for kind in ${wanted[@]+"${wanted[@]}"}; do
                taken["$kind ${place[$kind]}"]=$file used[$kind]=$((${used[$kind]} + 1))
            done
        else
            damaged+=("$file")
        fi
    done
    for file in ${doomed[@]+"${doomed[@]}"}; do
        rm -f -- "$file" "$file.sha256"
        printf 'removed %s\n' "$file"
    done
    printf 'kept %d backups in %s\n' "$kept" "$directory"
    ((${#damaged[@]} == 0)) ||
        fail "these are not as they were written, or have no checksum beside them; look at the disk, then move them away: ${damaged[*]}"
}

[[ $# == 0 || $# == 1 && $1 == prune ]] || misused "usage: backup.sh [prune]"
directory=${BACKUP_DIR:-}
[[ -n $directory ]] || misused "BACKUP_DIR is needed: the directory of the backups"
declare -A most
most[day]=$(keep BACKUP_KEEP_DAILY 7)
most[week]=$(keep BACKUP_KEEP_WEEKLY 5)
most[month]=$(keep BACKUP_KEEP_MONTHLY 12)
need psql pg_dump pg_restore flock sha256sum
[[ -d $directory ]] || mkdir -p -- "$directory" || fail "the directory $directory of BACKUP_DIR cannot be made"
exec 9>"$directory/.lock" || fail "the directory $directory of BACKUP_DIR cannot be written to"
flock -n 9 || fail "another backup into $directory is under way"
remove_partial
if [[ $# == 0 ]]; then
    url=$(setting BACKUP_DATABASE_URL)
    [[ -n $url ]] || misused "BACKUP_DATABASE_URL is needed: postgres://user:password@host:5432/database, of a role that sees every row"
    database BACKUP_DATABASE_URL "$url"
    check_role
    backup
fi
prune
