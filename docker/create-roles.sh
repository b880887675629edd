#!/bin/sh
# create-roles.sh runs once, when PostgreSQL makes its data folder: the owner of the
# tables, the service's login, and the database, as docs/operations/database.md has them.
set -eu
secrets=/run/secrets/codegenapp
psql --username=postgres --set=ON_ERROR_STOP=1 \
    --set=owner="$(cat $secrets/owner-password)" --set=service="$(cat $secrets/service-password)" <<'SQL'
CREATE ROLE codegenapp_owner LOGIN CREATEROLE PASSWORD :'owner';
CREATE ROLE codegenapp_service LOGIN PASSWORD :'service';
CREATE DATABASE codegenapp OWNER codegenapp_owner;
SQL
