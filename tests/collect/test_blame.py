"""Blame: the variable that is missing is known by name, whoever reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.collect.conftest import Collect
from tests.collect.sites import Site


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param('getattr(os, "environ")["HIDDEN"]\n', id="not-found-by-reading"),
        pytest.param(
            "from django.core.exceptions import ImproperlyConfigured\n"
            "def demand(name):\n"
            "    try:\n"
            "        return os.environ[name]\n"
            "    except KeyError:\n"
            '        raise ImproperlyConfigured(f"Set the {name} environment variable")\n'
            'demand("HIDDEN")\n',
            id="helper",
        ),
        pytest.param(
            "from django.core.exceptions import ImproperlyConfigured\n"
            "def demand(name):\n"
            "    try:\n"
            "        return os.environ[name]\n"
            "    except KeyError as error:\n"
            '        raise ImproperlyConfigured(f"Where is {name}?") from error\n'
            'demand("HIDDEN")\n',
            id="helper-in-its-own-words",
        ),
    ],
)
def test_the_variable_that_python_stumbles_over_is_named_whoever_reads_it(
    site: Site, collect: Collect, lines: str
) -> None:
    site.append(lines)
    ran = collect(site, "--noinput")
    assert ran.code == 14
    assert "requires the environment variable HIDDEN, which is not set" in ran.err
    assert "error: mysite/settings.py:" in ran.err
    assert '[tool.buildstatic.env]\nHIDDEN = "placeholder"\n' in ran.err


def test_a_key_error_of_another_mapping_is_no_missing_variable(
    site: Site, collect: Collect
) -> None:
    site.append('try:\n    os.environ["NO"]\nexcept KeyError:\n    {}["key"]\n')
    ran = collect(site, "--noinput")
    assert ran.code == 13
    assert "KeyError: 'key'." in ran.err


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param("import environ\nenviron.Env()(NAME)\n", id="django-environ"),
        pytest.param("import decouple\ndecouple.config(NAME)\n", id="python-decouple"),
        pytest.param("import environs\nenvirons.Env().int(NAME)\n", id="environs"),
    ],
)
def test_the_libraries_that_read_variables_are_understood(
    site: Site, collect: Collect, uv_made: Path, lines: str
) -> None:
    site.append(f'NAME = "HIDDEN"\n{lines}')
    ran = collect(site, "--noinput", "--python", uv_made)
    assert ran.code == 14, ran.err
    assert "requires the environment variable HIDDEN, which is not set" in ran.err
    assert "error: mysite/settings.py:" in ran.err
