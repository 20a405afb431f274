"""The services of a Railway project: `railway config plan`, then `railway config apply`.

Read the plan before you apply it: a line that deletes or detaches removes what is on Railway and
not in this file. For an existing project, run `railway config pull` first, and compare.
Requires `pip install railway-sdk`. A service cannot use railway.json at the same time.
"""

from railway_sdk import define_railway, github, preserve, project, service

# This file is one part of the project: databases and other services are left alone.
PARTIAL = "remote"

# origin is not on GitHub. Set github("owner/name"), or None if `railway up` deploys the services: with None,
# `apply` disconnects a service from its repository.
SOURCE = ...

# These keep the values that they have on Railway. A CLI that deletes variables which are not listed needs all of
# them: compare with `railway variable list --kv`, and add what is missing.
VARIABLES = {
    "DJANGO_SETTINGS_MODULE": preserve(),
    "PORT": preserve(),
    "RAILPACK_BUILD_CMD": preserve(),
    "RAILPACK_DEPLOY_APT_PACKAGES": preserve(),
    "RAILPACK_PACKAGES": preserve(),
    "RAILPACK_PYTHON_VERSION": preserve(),
    "RAILPACK_START_CMD": preserve(),
    "STATIC_BUCKET": preserve(),
    "WEB_CONCURRENCY": preserve(),
}


def from_cli(ctx, name):
    # The CLI 5.43 gives no context, and the SDK 0.7 has no attributes for what later ones give.
    return getattr(ctx, name, None) or (ctx.get(name) if isinstance(ctx, dict) else None)


@define_railway
def main(ctx=None):
    if SOURCE is ...:
        raise SystemExit("railway.py: set SOURCE, the repository of the services.")
    features = from_cli(ctx, "features") or ()
    # A CLI with this feature leaves all variables alone; VARIABLES is for others.
    unmanaged = "variables-policy" in features
    policy = {"variables": {"managed": False}} if unmanaged else {}
    env = None if unmanaged else VARIABLES
    web = service(
        "web",
        source=SOURCE,
        build={"builder": "DOCKERFILE"},
        # Runs once per deployment in a separate container, whose files are discarded.
        preDeploy="/bin/sh -c 'python manage.py collectstatic --noinput'",
        env=env,
    )
    return project("remote", resources=[web], **policy)
