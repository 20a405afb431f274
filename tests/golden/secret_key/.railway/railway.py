"""The project on Railway: `railway config plan` shows what would change, `apply` changes it.

Needs `pip install railway-sdk`, and no railway.json: a service is managed by one of the two.
"""

from railway_sdk import define_railway, project, service


@define_railway
def main(ctx=None):
    web = service(
        "web",
        # No source: deployed with `railway up`. A repository: source=github("owner/name").
        build={"builder": "RAILPACK"},
        # The build does not collect static files, and pre-deploy could not keep them.
        start=(
            "python manage.py collectstatic --noinput && "
            "exec gunicorn --worker-tmp-dir /dev/shm --no-control-socket mysite.wsgi:application"
        ),
    )
    return project("secret_key", resources=[web])
