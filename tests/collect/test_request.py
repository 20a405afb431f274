"""The request: the child process gets it unchanged, and Django accepts its arguments."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.staticfiles.management.commands import collectstatic
from django.core.management.base import CommandParser

from buildstatic.collect.request import CollectOptions, Request
from buildstatic.interpreter.process import request_from_json, request_to_json

PLAIN = CollectOptions()
EVERYTHING = CollectOptions(
    interactive=True,
    clear=True,
    dry_run=True,
    ignore=("*.map", "-unusual"),
    default_ignore=False,
    link=True,
    post_process=False,
    verbosity=3,
    layer_root=Path("/layer"),
    compress="fast",
    formats=("gz", "br"),
    cache=Path("/cache"),
    reuse=Path("/earlier"),
    explicit=("--reuse",),
    before=("compilescss", "thumbnails --all"),
    after=("compress",),
)


@pytest.mark.parametrize("options", [PLAIN, EVERYTHING], ids=["plain", "everything"])
def test_a_request_survives_json(options: CollectOptions) -> None:
    request = Request(
        root=Path("/app"),
        manage=Path("/app/src/manage.py"),
        settings="mysite.settings",
        options=options,
        patterns=(("*.scss", ".staticignore:1"),),
    )
    assert request_from_json(request_to_json(request)) == request


@pytest.mark.parametrize("options", [PLAIN, EVERYTHING], ids=["plain", "everything"])
def test_django_accepts_the_arguments(options: CollectOptions) -> None:
    parser = CommandParser()
    collectstatic.Command.add_arguments(None, parser)
    parser.add_argument("--verbosity", type=int)
    assert vars(parser.parse_args(options.django_arguments())) == {
        "interactive": options.interactive,
        "clear": options.clear,
        "dry_run": options.dry_run,
        "ignore_patterns": list(options.ignore),
        "use_default_ignore_patterns": options.default_ignore,
        "link": options.link,
        "post_process": options.post_process,
        "verbosity": options.verbosity,
    }
