"""The distributions that provide the modules that a project imports."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.project import Dependencies
from buildstatic.project.files import Search
from buildstatic.project.packages.distributions import (
    distribution,
    how_to_add,
    imported_distributions,
)
from tests.project.tree import read, write


@pytest.mark.parametrize(
    ("module", "name"),
    [("mptt.models", "django-mptt"), ("MySQLdb", "mysqlclient"), ("drf_yasg", "drf-yasg")],
)
def test_distribution_of_a_module(module: str, name: str) -> None:
    assert distribution(module) == name


@pytest.mark.parametrize(
    ("dependencies", "expected"),
    [
        (None, "Create requirements.txt:\n\nx"),
        (Dependencies("pip", "base.txt", ()), "Add it to base.txt:\n\nx"),
        (Dependencies("poetry", "poetry.lock", ()), "commit what changes:\n\npoetry add x"),
        (Dependencies("pyproject", "pyproject.toml", ()), 'in pyproject.toml:\n\n    "x",'),
    ],
)
def test_how_to_add_a_distribution(dependencies: Dependencies | None, expected: str) -> None:
    assert how_to_add("x", dependencies).endswith(expected)


def test_distributions_that_a_project_imports(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        {
            "mysite/settings.py": "import os\nfrom pathlib import Path\n"
            "INSTALLED_APPS = ['django.contrib.admin', 'shop.apps.Shop', 'template_partials']\n"
            "MIDDLEWARE = ['django_htmx.middleware.HtmxMiddleware']\n",
        },
    )
    write(
        tmp_path,
        {
            "shop/views.py": "from rest_framework import views\nfrom . import models\n"
            "from shop.names import Name\nimport names\n\ndef get():\n    import yaml.nodes\n",
            "shop/lib/names.py": "try:\n    import orjson\nexcept ImportError:\n    import json\n",
            "shop/broken.py": "def (:\n",
            "shop/tests/test_views.py": "import pytest\n",
            "venv/pyvenv.cfg": "",
            "venv/other.py": "import other_package\n",
        },
    )
    found = imported_distributions(settings, Search(tmp_path, tmp_path))
    assert found == (
        "Django",
        "django-htmx",
        "django-template-partials",
        "djangorestframework",
        "PyYAML",
    )
