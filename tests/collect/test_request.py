"""The request: it survives JSON, and Django accepts its arguments."""

from __future__ import annotations

import pytest
from django.contrib.staticfiles.management.commands import collectstatic
from django.core.management.base import CommandParser

from buildstatic.collect import Request
from buildstatic.collect.request import django_arguments

REQUEST = Request(root="/app", manage="/app/src/manage.py", settings="mysite.settings")
EVERYTHING = Request(
    root="/app",
    manage="/app/manage.py",
    settings="mysite.settings",
    interactive=False,
    clear=True,
    dry_run=True,
    ignore=("*.map", "-unusual"),
    default_ignore=False,
    link=True,
    post_process=False,
    verbosity=3,
    layer_root="/layer",
)


@pytest.mark.parametrize("request_", [REQUEST, EVERYTHING], ids=["plain", "everything"])
def test_a_request_survives_json(request_: Request) -> None:
    assert Request.from_json(request_.to_json()) == request_


def test_working_directory_is_that_of_manage_py() -> None:
    assert str(REQUEST.directory) == "/app/src"


@pytest.mark.parametrize("request_", [REQUEST, EVERYTHING], ids=["plain", "everything"])
def test_django_accepts_the_arguments(request_: Request) -> None:
    parser = CommandParser()
    collectstatic.Command.add_arguments(None, parser)
    parser.add_argument("--verbosity", type=int)
    assert vars(parser.parse_args(django_arguments(request_))) == {
        "interactive": request_.interactive,
        "clear": request_.clear,
        "dry_run": request_.dry_run,
        "ignore_patterns": list(request_.ignore),
        "use_default_ignore_patterns": request_.default_ignore,
        "link": request_.link,
        "post_process": request_.post_process,
        "verbosity": request_.verbosity,
    }
