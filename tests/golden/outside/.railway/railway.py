"""The services of a Railway project: `railway config plan`, then `railway config apply`.

Read the plan before you apply it: a line that deletes or detaches removes what is on Railway and
not in this file. For an existing project, run `railway config pull` first, and compare.
Requires `pip install railway-sdk`. A service cannot use railway.json at the same time.
"""

from railway_sdk import define_railway, preserve, project, service

# This file is one part of the project: databases and other services are left alone.
PARTIAL = "outside"

# These keep the values that they have on Railway. `apply` deletes a variable that is not listed: compare
# with `railway variable list --kv`, and add what is missing.
VARIABLES = {
    "DJANGO_SETTINGS_MODULE": preserve(),
    "PORT": preserve(),
    "RAILPACK_BUILD_CMD": preserve(),
    "RAILPACK_DEPLOY_APT_PACKAGES": preserve(),
    "RAILPACK_PACKAGES": preserve(),
    "RAILPACK_PYTHON_VERSION": preserve(),
    "RAILPACK_START_CMD": preserve(),
    "WEB_CONCURRENCY": preserve(),
}


@define_railway
def main(ctx=None):
    web = service(
        "web",
        # No source: deploy with `railway up`, or set source=github("owner/name").
        build={"builder": "DOCKERFILE"},
        env=VARIABLES,
    )
    return project("outside", resources=[web])
