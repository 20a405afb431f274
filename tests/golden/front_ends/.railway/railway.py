"""Railway project: `railway config plan` shows the changes, `railway config apply` makes them.

Requires `pip install railway-sdk`. A service cannot use railway.json at the same time.
"""

from railway_sdk import define_railway, project, service


@define_railway
def main(ctx=None):
    web = service(
        "web",
        # No source: deploy with `railway up`, or set source=github("owner/name").
        build={"builder": "RAILPACK"},
        # The build does not collect static files, and a pre-deploy command's files are discarded.
        start=(
            "python manage.py collectstatic --noinput && "
            "exec gunicorn --worker-tmp-dir /dev/shm --no-control-socket mysite.wsgi:application"
        ),
    )
    return project("front_ends", resources=[web])
