#!/bin/sh
# install.sh
#
# Makes sure that what app.py needs is there, of Debian's packages: they belong to
# /usr/bin/python3, whatever python3 stands first on PATH. Installs what is missing
# as root on Debian, and says what to install everywhere else.
set -eu

/usr/bin/python3 -c "import flask, sqlalchemy, psycopg2, redis, jwt, gunicorn" 2>/dev/null && exit 0
exec "$(dirname "$0")/../../../tools/scripts/ensure-packages.sh" \
    python3-flask python3-sqlalchemy python3-psycopg2 python3-redis python3-jwt gunicorn
