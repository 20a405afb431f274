"""django-manifeststaticfiles-enhanced: what it makes of the files, it says itself (`rehearsal`).

Its collectstatic, which comes with the app, differs from Django's in two things: a warning of
``post_process`` is printed, where Django's takes it for a failure, and ``keep_original_files`` is
obeyed, which Django's does not know.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from buildstatic.collect import patterns
from buildstatic.collect.fingerprint import Original
from buildstatic.collect.rehearsal import HOOKS, rehearse
from buildstatic.collect.storages.kind import Fingerprinting, Fingerprints, Kind, Originals, Present
from buildstatic.collect.workers.read_task import Needle

PACKAGE = "django_manifeststaticfiles_enhanced"
# Without one of these the lexers find nothing (``_process_css_urls`` and its neighbours).
LEXED = (b"@import", b"export", b"import", b"sourceMappingURL", b"url(")


def _refuses(storage: Any) -> str:
    for name, parameters in HOOKS.items():
        hook = getattr(storage, name, None)
        if hook is None or tuple(inspect.signature(hook).parameters) != parameters:
            return f"this version of {PACKAGE} is not known"
    return ""


def _is_text(storage: Any, name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in storage.url_finders)


def _needles(storage: Any, path: str) -> tuple[Needle, ...] | None:
    if not isinstance(inspect.getattr_static(storage, "url_finders"), property):
        return None
    return LEXED if storage.use_lexer else patterns.needles(storage, path)


def _originals(storage: Any) -> Originals:
    is_left_out = KIND.has_own_command and not storage.keep_original_files
    return Originals.LEFT_OUT if is_left_out else Originals.KEPT


def _run(
    storage: Any,
    originals: tuple[Original, ...],
    present: Present,
    missing_maps: Callable[[str], None] | None,
) -> Fingerprints:
    return rehearse(
        storage,
        originals,
        left=present.left,
        keeps=_originals(storage) is Originals.KEPT,
        warns=KIND.has_own_command,
        missing_maps=missing_maps,
    )


KIND = Kind(
    Fingerprinting(_run, _is_text, _needles, _originals),
    refuses=_refuses,
    options=frozenset({"prehashed", "_prehashed_checker_cache"}),
    app=PACKAGE,
)
KINDS = {
    f"{PACKAGE}.storage.EnhancedManifestStaticFilesStorage": KIND,
    f"{PACKAGE}.storage.ThreadSafeStaticFilesStorage": Kind(app=PACKAGE),
    f"{PACKAGE}.storage.TestingManifestStaticFilesStorage": Kind(app=PACKAGE),
}
