#!/bin/sh
# Deploys on a plain server: collects, migrates, serves. The first step that fails ends it.
set -eu
cd "$(dirname "$0")"

# The virtual environment beside this file, if there is one.
PATH="$PWD/.venv/bin:$PATH"

python src/manage.py collectstatic --noinput
# gunicorn binds to $PORT on all interfaces; without PORT, to 127.0.0.1:8000.
exec gunicorn --chdir src --worker-tmp-dir /dev/shm --no-control-socket mysite.wsgi:application
