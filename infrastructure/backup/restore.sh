#!/usr/bin/env bash
# restore.sh [--replace] FILE
#
# Restores a backup of backup.sh into the database of MIGRATION_DATABASE_URL, which
# has to be empty; --replace replaces its content. The restore is atomic. See README.md.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

# owner_in FILE prints the owner of the tables of a backup. Policies name that role, too.
owner_in() { pg_restore --list "$1" | awk '$4 == "TABLE" && $5 != "DATA" { print $NF }' | sort -u; }

# check_role fails unless the role is the owner that the backup names, and has all
# rights that a restore needs.
check_role() {
    local role owns creates roles app
    IFS=$'\t' read -r role owns creates roles app < <(sql <<'SQL'
SELECT current_user, pg_has_role(d.datdba, 'USAGE'), has_schema_privilege('public', 'CREATE') AND pg_has_role(n.nspowner, 'USAGE'),
       r.rolsuper OR r.rolcreaterole, (SELECT count(*) = 3 FROM pg_roles WHERE rolname IN ('codegenapp_app', 'codegenapp_editor', 'codegenapp_viewer'))
FROM   pg_roles AS r, pg_database AS d, pg_namespace AS n
WHERE  r.rolname = current_user AND d.datname = current_database() AND n.nspname = 'public';
SQL
    ) || fail "the database of MIGRATION_DATABASE_URL cannot be queried; see psql's message above"
    [[ $role == "$owner" ]] || fail "the tables of $file belong to $owner, and so do its policies, but MIGRATION_DATABASE_URL is of $role;" \
        "make the role $owner (docs/operations/database.md) and restore as that"
    [[ $owns == t ]] || fail "$role does not own the database; make it with CREATE DATABASE … OWNER $role"
    [[ $creates == t ]] || fail "$role does not own the schema public, as in PostgreSQL 14; as superuser: ALTER SCHEMA public OWNER TO $role"
    [[ $app == t || $roles == t ]] || fail "a role of codegenapp_app, codegenapp_editor and codegenapp_viewer is missing, and $role may not make it; as superuser: ALTER ROLE $role CREATEROLE"
}

# contents lists the objects in the database, without those of extensions.
contents() {
    sql <<'SQL'
WITH ours AS (
    SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), found (class, oid, name) AS (
    SELECT 'pg_class'::regclass, c.oid, c.relname FROM pg_class AS c WHERE c.relnamespace IN (SELECT oid FROM ours) AND c.relkind <> 'i'
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, p.proname FROM pg_proc AS p WHERE p.pronamespace IN (SELECT oid FROM ours)
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid, t.typname FROM pg_type AS t WHERE t.typnamespace IN (SELECT oid FROM ours) AND t.typtype IN ('d', 'e', 'r')
)
SELECT string_agg(name::text, ', ' ORDER BY name) FROM found AS f
WHERE  NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = f.class AND d.objid = f.oid AND d.deptype = 'e');
SQL
}

# prepare makes what a backup does not contain, since it belongs to the cluster or to
# the database itself: the roles that the service assumes (migrations/00001_identity.sql and
# 00016_members.sql), and the right to make temporary tables.
prepare() {
    sql <<'SQL'
SET client_min_messages = warning;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['codegenapp_app', 'codegenapp_editor', 'codegenapp_viewer'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE', name);
            END IF;
        EXCEPTION
            -- Roles belong to the whole cluster: another database's migration was first.
            WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END LOOP;
    IF NOT EXISTS (SELECT FROM pg_auth_members AS m
                   WHERE  m.member = 'codegenapp_app'::regrole AND m.roleid = 'codegenapp_viewer'::regrole) THEN
        ALTER ROLE codegenapp_app NOINHERIT;
        GRANT codegenapp_editor, codegenapp_viewer TO codegenapp_app;
    END IF;
END
$$;
DO $$
BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END
$$;
SQL
}

# finish collects statistics, which a backup does not contain, and counts rows.
# Row-level security applies to the owner too, so it is disabled for the count, in a
# transaction that is rolled back.
finish() {
    sql <<'SQL' | LC_ALL=C sort
SELECT format('ANALYZE %I.%I', n.nspname, c.relname) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE  c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') \gexec
BEGIN;
SET LOCAL row_security = off;
SELECT format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', oid::regclass) FROM pg_class WHERE relkind = 'r' AND relforcerowsecurity \gexec
SELECT format('SELECT %L, count(*) FROM %1$s', format('%I.%I', n.nspname, c.relname))
FROM   pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE  c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') \gexec
ROLLBACK;
SQL
}

replace=
if [[ ${1:-} == --replace ]]; then
    replace=yes
    shift
fi
[[ $# == 1 && $1 != -* ]] || misused "usage: restore.sh [--replace] FILE"
file=$1 program=${CODEGENAPP:-codegenapp} name=MIGRATION_DATABASE_URL
need psql pg_restore sha256sum
command -v "$program" >/dev/null || fail "there is no $program, which checks the schema at the end; $(provider codegenapp)"
url=$(setting MIGRATION_DATABASE_URL)
if [[ -z $url ]]; then
    name=DATABASE_URL url=$(setting DATABASE_URL)
fi
[[ -n $url ]] || misused "MIGRATION_DATABASE_URL is needed: postgres://user:password@host:5432/database, of the owner of the tables"
database "$name" "$url"

# All checks pass before anything is changed.
[[ -r $file ]] || fail "there is no $file that can be read"
[[ -r $file.sha256 ]] || fail "there is no $file.sha256, so $file cannot be verified; backup.sh writes it next to the backup"
whole "$file" || fail "$file is damaged: its checksum differs from $file.sha256. Use another backup"
rows=$(rows_in "$file") || fail "$file cannot be read to its end. Use another backup"
owner=$(owner_in "$file")
check_role
present=$(contents)
[[ -z $present || -n $replace ]] || fail "the database is not empty: it has $present. Create a new one, or use --replace"

began=$SECONDS clean=()
[[ -z $replace ]] || clean=(--clean --if-exists)
prepare
pg_restore --single-transaction --exit-on-error --no-owner ${clean[@]+"${clean[@]}"} --no-password --dbname="$target" "$file" ||
    fail "pg_restore failed; see its message above. Nothing of the backup is in the database"
restored=$(finish)
[[ $restored == "$rows" ]] || fail "restored, but the rows are not those of $file; do not use this database:"$'\n'"$(diff <(echo "$rows") <(echo "$restored"))"
printf 'restored %s: %s, in %d s\n' "$file" "$(sum_of_rows "$rows")" $((SECONDS - began))
[[ -n ${DATABASE_URL:-}${DATABASE_URL_FILE:-} ]] || export DATABASE_URL=$url
"$program" migrate status ||
    fail "restored, but codegenapp migrate status failed"
echo "next: run codegenapp migrate up, which grants access to the service's login; then flush Redis, and start the servers"
