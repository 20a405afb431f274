"""WhiteNoise's middleware: its place, and that it is there.

https://whitenoise.readthedocs.io/en/stable/django.html: "above all other middleware apart from
Django's SecurityMiddleware".
"""

from __future__ import annotations

from collections.abc import Iterator

from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Autofix, Finding, Severity, split
from buildstatic.checks.lines import added, moved
from buildstatic.project.settings import Value

MISPLACED, MISSING = "whitenoise-misplaced", "whitenoise-missing"
CODES = {
    MISPLACED: "WhiteNoise's middleware is not right below SecurityMiddleware",
    MISSING: "WhiteNoise's storage is used without its middleware",
}
SECURITY = "django.middleware.security.SecurityMiddleware"
WHITENOISE = "whitenoise.middleware.WhiteNoiseMiddleware"
# What its own documentation wants above WhiteNoise.
ABOVE = ("corsheaders.", "django_prometheus.")


def find(case: CheckContext) -> Iterator[Finding]:
    """Yield where the middleware stands in the wrong place, or not at all."""
    value = case.settings.get("MIDDLEWARE")
    items = value.data if value is not None and isinstance(value.data, tuple) else ()
    names = [item.data for item in items]
    if value is None or not all(isinstance(name, str) for name in names):
        return
    if WHITENOISE in names:
        yield from _misplaced(items, names.index(WHITENOISE), value)
    else:
        yield from _missing(case, value)


def _misplaced(items: tuple[Value, ...], index: int, value: Value) -> Iterator[Finding]:
    above = [str(item.data) for item in items[:index] if not str(item.data).startswith(ABOVE)]
    others = [name for name in above if name != SECURITY]
    is_above = any(item.data == SECURITY for item in items[index:])
    if not others and not is_above:
        return
    of_django = is_above or any(name.startswith("django.") for name in others)
    if others:
        what = f"WhiteNoise's middleware stands below {others[-1]}."
        why = (
            "Every static file passes what stands above it: sessions, locales, other people's code."
        )
    else:
        what = "WhiteNoise's middleware stands above SecurityMiddleware."
        why = "Static files go out without HTTPS redirects and security headers."
    file, line = split(items[index].source or value.source)
    yield Finding(
        MISPLACED,
        Severity.WARNING if of_django else Severity.INFO,
        file,
        line,
        what,
        why,
        "Move it right below django.middleware.security.SecurityMiddleware.",
        Autofix(file, moved("MIDDLEWARE", WHITENOISE, SECURITY)),
    )


def _missing(case: CheckContext, value: Value) -> Iterator[Finding]:
    storage = case.project.storage
    is_asked = any(WHITENOISE in edit.text for edit in case.edits)
    if storage is None or not storage.value.startswith("whitenoise.") or not is_asked:
        return
    file, line = split(value.source)
    yield Finding(
        MISSING,
        Severity.WARNING,
        file,
        line,
        f"The storage is {storage.value}, and WhiteNoise's middleware is not on.",
        "Unless a server in front does, nobody serves the files: pages without style.",
        f'Add "{WHITENOISE}" right below SecurityMiddleware.',
        Autofix(file, added("MIDDLEWARE", WHITENOISE, SECURITY)),
    )
