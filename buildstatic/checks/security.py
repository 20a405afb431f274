"""Settings of a new project that are not safe, or do not work, in production.

https://docs.djangoproject.com/en/stable/howto/deployment/checklist/
"""

from __future__ import annotations

from collections.abc import Iterator

from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Finding, Severity, split_source
from buildstatic.project.settings import UNKNOWN

DEBUG, KEY, HOSTS = "debug-on", "secret-key-insecure", "allowed-hosts-local"
CODES: tuple[str, ...] = (DEBUG, KEY, HOSTS)
# What Django's check security.W009 reports: django/core/checks/security/base.py.
INSECURE_PREFIX = "django-insecure-"
MIN_KEY_LENGTH, MIN_KEY_CHARACTERS = 50, 5
# Variables that a platform sets: render.com/docs/environment-variables, devcenter.heroku.com/
# articles/dynos, fly.io/docs/machines/runtime-environment, docs.railway.com/reference/variables.
PLATFORMS = {
    "RENDER": "Render",
    "DYNO": "Heroku",
    "FLY_APP_NAME": "Fly.io",
    "RAILWAY_ENVIRONMENT": "Railway",
    "RAILWAY_ENVIRONMENT_NAME": "Railway",
}
LOCAL_HOSTS = {"localhost", ".localhost", "127.0.0.1", "[::1]", "::1", "0.0.0.0", "testserver"}


def check(context: CheckContext) -> Iterator[Finding]:
    """Yield a finding for DEBUG, SECRET_KEY and ALLOWED_HOSTS each."""
    yield from _debug(context)
    yield from _secret_key(context)
    yield from _allowed_hosts(context)


def _debug(context: CheckContext) -> Iterator[Finding]:
    """Yield a finding if DEBUG is on, always or unless an environment variable disables it."""
    value = context.settings.get("DEBUG")
    if value is None or not isinstance(value.data, bool | int | str) or not value.data:
        return
    variables = " or ".join(value.reads)
    platforms = [PLATFORMS[name] for name in value.reads if name in PLATFORMS]
    if value.reads and isinstance(value.data, str):
        what = f"DEBUG is a string read from {variables}, and every non-empty string is true."
        fix = f'Use DEBUG = os.environ.get("{value.reads[0]}") == "1"'
    elif platforms:
        what = f"DEBUG is on everywhere but on {' and '.join(platforms)}, which sets {variables}."
        fix = f"Set {variables} elsewhere, too, or read DEBUG from a variable of its own."
    elif value.reads:
        what = f"DEBUG is on unless {variables} turns it off."
        fix = "Make DEBUG default to False if the variable is not set."
    else:
        what = f"DEBUG is on in {context.project.settings.value}."
        fix = "Set DEBUG = False, or name the production settings with --settings."
    yield Finding(
        DEBUG,
        Severity.INFO if platforms else Severity.WARNING,
        *split_source(value.source),
        what,
        "Error pages show settings and code to everyone, and static files have no fingerprints.",
        fix,
    )


def _secret_key(context: CheckContext) -> Iterator[Finding]:
    """Yield a finding if SECRET_KEY, or the default of its variable, is insecure by Django's rules.

    An empty key is none: Django refuses it.
    """
    value = context.settings.text("SECRET_KEY")
    key = str(value.data) if value else ""
    if value is None or not key:
        return
    if key.startswith(INSECURE_PREFIX):
        kind = "the insecure key of a new project"
    elif len(key) < MIN_KEY_LENGTH:
        kind = f"a key of fewer than {MIN_KEY_LENGTH} characters"
    elif len(set(key)) < MIN_KEY_CHARACTERS:
        kind = f"a key of fewer than {MIN_KEY_CHARACTERS} different characters"
    else:
        return
    variables = " or ".join(value.reads)
    yield Finding(
        KEY,
        Severity.INFO if variables else Severity.WARNING,
        *split_source(value.source),
        f"SECRET_KEY is {kind} unless {variables} sets another."
        if variables
        else f"SECRET_KEY is {kind}, written in the settings.",
        "Whoever can read the repository or the image can forge sessions and password resets.",
        f"Set {variables} in production, or give it no default there."
        if variables
        else 'Use SECRET_KEY = os.environ["SECRET_KEY"]',
    )


def _allowed_hosts(context: CheckContext) -> Iterator[Finding]:
    value = context.settings.get("ALLOWED_HOSTS")
    hosts = context.settings.listed("ALLOWED_HOSTS")
    if value is None or value.reads or not hosts or UNKNOWN in hosts or set(hosts) - LOCAL_HOSTS:
        return
    yield Finding(
        HOSTS,
        Severity.WARNING,
        *split_source(value.source),
        "ALLOWED_HOSTS only contains names of the local machine.",
        "Every request to the deployed site is answered with 400 Bad Request.",
        "Add the host names of the site, or read them from an environment variable.",
    )
