"""WhiteNoise's middleware: its position, and whether it is installed.

https://whitenoise.readthedocs.io/en/stable/django.html: "above all other middleware apart from
Django's SecurityMiddleware".
"""

from __future__ import annotations

from collections.abc import Iterator

from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Autofix, Finding, Severity, split_source
from buildstatic.checks.fixes import insert_item, move_item
from buildstatic.project.settings import Value

MISPLACED, MISSING = "whitenoise-misplaced", "whitenoise-missing"
CODES: tuple[str, ...] = (MISPLACED, MISSING)
SECURITY = "django.middleware.security.SecurityMiddleware"
WHITENOISE = "whitenoise.middleware.WhiteNoiseMiddleware"


def check(context: CheckContext) -> Iterator[Finding]:
    """Yield a finding if the middleware is in the wrong position or missing."""
    value = context.settings.get("MIDDLEWARE")
    items = value.data if value is not None and isinstance(value.data, tuple) else ()
    names = [item.data for item in items]
    if value is None or not all(isinstance(name, str) for name in names):
        return
    if WHITENOISE in names:
        yield from _misplaced(items, names.index(WHITENOISE), value)
    elif not any("whitenoise" in str(name).lower() for name in names):
        yield from _missing(context, value)


def _misplaced(items: tuple[Value, ...], index: int, value: Value) -> Iterator[Finding]:
    """Yield a finding if Django's middleware is in the wrong order with WhiteNoise's.

    Other packages' middleware, such as django-cors-headers', may belong above it.
    """
    others = [
        name
        for item in items[:index]
        if (name := str(item.data)) != SECURITY and name.startswith("django.")
    ]
    if others:
        what = f"WhiteNoise's middleware is below {others[-1]}."
        why = "Each request for a static file passes the middleware above it."
    elif any(item.data == SECURITY for item in items[index:]):
        what = "WhiteNoise's middleware is above SecurityMiddleware."
        why = "Static files are served without HTTPS redirects and security headers."
    else:
        return
    file, line = split_source(items[index].source or value.source)
    yield Finding(
        MISPLACED,
        Severity.WARNING,
        file,
        line,
        what,
        why,
        f"Move it directly below {SECURITY}.",
        Autofix(file, move_item("MIDDLEWARE", WHITENOISE, SECURITY)),
    )


def _missing(context: CheckContext, value: Value) -> Iterator[Finding]:
    storage = context.project.storage
    is_needed = any(WHITENOISE in edit.text for edit in context.edits)
    if storage is None or not storage.value.startswith("whitenoise.") or not is_needed:
        return
    file, line = split_source(value.source)
    yield Finding(
        MISSING,
        Severity.WARNING,
        file,
        line,
        f"The storage is {storage.value}, but WhiteNoise's middleware is not installed.",
        "Nothing serves the static files unless a server in front of Django does.",
        f'Add "{WHITENOISE}" to MIDDLEWARE, directly below SecurityMiddleware.',
        Autofix(file, insert_item("MIDDLEWARE", WHITENOISE, SECURITY)),
    )
