"""Every kind of failure has an exit code of its own and a message that can stand alone."""

from __future__ import annotations

import inspect
import pickle
from pathlib import Path

import pytest

from buildstatic import errors
from buildstatic.cli import INTERNAL, INTERRUPTED, PIPE_CLOSED
from buildstatic.errors import BuildstaticError, ProjectNotFound, StageFailed, VariablesMissing

FAILURES = sorted(BuildstaticError.__subclasses__(), key=lambda kind: kind.__name__)


def test_exit_codes_are_unique_and_valid() -> None:
    codes = [kind.exit_code for kind in FAILURES]
    assert len(set(codes)) == len(codes)
    assert set(codes).isdisjoint({0, 1, 2, INTERNAL, INTERRUPTED, PIPE_CLOSED})
    # A shell uses codes from 126 on for itself.
    assert all(0 < code < 126 for code in codes)


def test_error_classes_are_in_one_module_and_documented() -> None:
    for kind in FAILURES:
        summary = (kind.__doc__ or "").splitlines()[0]
        assert kind.__module__ == errors.__name__
        assert summary.endswith(".")
        assert len(summary) <= 100


def test_every_error_class_is_raised() -> None:
    package = Path(errors.__file__).parent
    sources = [path for path in package.rglob("*.py") if path != Path(errors.__file__)]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    assert [kind.__name__ for kind in FAILURES if kind.__name__ not in text] == []


def test_advice_follows_the_problem() -> None:
    assert str(ProjectNotFound("No manage.py.", "Add one.")) == "No manage.py. Add one."
    assert str(ProjectNotFound("No manage.py.")) == "No manage.py."
    assert str(ProjectNotFound("Two:\n- a", "Choose.")) == "Two:\n- a\n\nChoose."


@pytest.mark.parametrize(
    "error",
    [
        ProjectNotFound("No manage.py.", "Add one."),
        VariablesMissing("KEY is missing.", "Set it.", ("KEY",)),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_can_be_pickled(error: BuildstaticError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert vars(copy) == vars(error)
    assert str(copy) == str(error)


def test_failed_stage_has_its_name_and_step() -> None:
    error = StageFailed(
        "static failed.", "Do x.", stage="static", vertex="sha256:0", output=("a", "b")
    )
    assert (error.stage, error.vertex) == ("static", "sha256:0")
    assert str(error) == "static failed. Do x.\n\n  | a\n  | b"
    assert (StageFailed("x").stage, StageFailed("x").vertex, str(StageFailed("x"))) == ("", "", "x")


def test_errors_can_be_imported_alone() -> None:
    """They are loaded in the project's own Python as well."""
    assert "import buildstatic" not in inspect.getsource(errors)
    assert "from buildstatic" not in inspect.getsource(errors)
