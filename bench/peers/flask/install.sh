#!/bin/sh
# install.sh
#
# Installs what app.py needs, from Debian's packages. They belong to /usr/bin/python3,
# whichever python3 is first on PATH. Installs as root on Debian; elsewhere it prints
# what to install.
set -eu

/usr/bin/python3 -c "import flask, sqlalchemy, psycopg2, redis, jwt, gunicorn" 2>/dev/null && exit 0
exec "$(dirname "$0")/../../../tools/scripts/ensure-packages.sh" \
    python3-flask python3-sqlalchemy python3-psycopg2 python3-redis python3-jwt gunicorn
