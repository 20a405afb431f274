#!/bin/sh
# Deploys on a plain server: collect, migrate, serve. Stops at the first step that fails.
set -eu
cd "$(dirname "$0")"

# Use the virtual environment next to this file, if it exists.
PATH="$PWD/.venv/bin:$PATH"

python manage.py collectstatic --noinput
# gunicorn binds to $PORT on all interfaces; without PORT, to 127.0.0.1:8000.
exec gunicorn --worker-tmp-dir /dev/shm --no-control-socket mysite.wsgi:application
