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
        # It asks as healthcheck.railway.app, which has to be in ALLOWED_HOSTS.
        healthcheck="/healthz/",
        # The build does not collect static files, and pre-deploy could not keep them.
        start=(
            "python manage.py collectstatic --noinput && "
            "python manage.py migrate --noinput && "
            "exec gunicorn --worker-tmp-dir /dev/shm --no-control-socket mysite.wsgi:application"
        ),
    )
    worker = service(
        "worker",
        build={"builder": "RAILPACK"},
        start="python manage.py work",
    )
    return project("services", resources=[web, worker])
