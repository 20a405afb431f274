"""What runs beside the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.project import Fact, Process, processes
from buildstatic.project.packages import Package, Packages
from buildstatic.project.search import Search
from tests.project.tree import write

CELERY: Packages = {"celery": Package("celery", "", frozenset(), "requirements.txt:3")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "web: a\nworker: b --c 'd e'\n", [("worker", "b --c 'd e'")], id="beside the web"
        ),
        pytest.param(
            "# no: comment\n\nbeat:   b  \r\nother_1: $X | y\n",
            [("beat", "b"), ("other_1", "$X | y")],
            id="two",
        ),
        pytest.param("web: a\nrelease: b\n", [], id="none"),
        pytest.param("a b: c\n: d\nnothing\n", [], id="no process"),
    ],
)
def test_the_procfile_names_them(
    tmp_path: Path, text: str, expected: list[tuple[str, str]]
) -> None:
    write(tmp_path, {"Procfile": text})
    found = processes.find("mysite.settings", {}, Search(tmp_path, tmp_path))
    made = [(item.name, item.command) for item in found.value] if found else []
    assert made == expected


def test_celery_is_a_worker_where_the_project_has_its_application(tmp_path: Path) -> None:
    search = Search(tmp_path, tmp_path)
    assert processes.find("mysite.settings", CELERY, search) is None
    write(tmp_path, {"mysite/celery.py": ""})
    worker = Process("worker", "celery -A mysite worker")
    assert processes.find("mysite.settings", CELERY, search) == Fact(
        (worker,), "requirements.txt:3"
    )
    assert processes.find("mysite.settings", {}, search) is None


def test_celery_is_started_in_the_directory_of_manage_py(tmp_path: Path) -> None:
    write(tmp_path, {"back end/mysite/celery.py": ""})
    found = processes.find("mysite.settings", CELERY, Search(tmp_path, tmp_path / "back end"))
    assert found
    assert found.value[0].command == "celery --workdir './back end' -A mysite worker"


def test_a_procfile_of_ours_hides_no_celery(tmp_path: Path) -> None:
    """Else generating twice would change something."""
    write(tmp_path, {"mysite/celery.py": "", "Procfile": "release: a\nweb: b\n"})
    assert processes.find("mysite.settings", CELERY, Search(tmp_path, tmp_path))
