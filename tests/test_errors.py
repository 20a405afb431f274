"""Every kind of failure has an exit code of its own, and a message that can stand alone."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from buildstatic import errors
from buildstatic.cli import INTERNAL, INTERRUPTED, UNREAD
from buildstatic.errors import BuildstaticError, ProjectNotFound, StageFailed, VariablesMissing

PACKAGE = Path(errors.__file__).parent


def below(kind: type[BuildstaticError]) -> Iterator[type[BuildstaticError]]:
    for child in kind.__subclasses__():
        yield child
        yield from below(child)


FAILURES = sorted(set(below(BuildstaticError)), key=lambda kind: kind.__name__)
each_failure = pytest.mark.parametrize("kind", FAILURES)


def test_every_failure_has_an_exit_code_of_its_own() -> None:
    codes = [kind.exit_code for kind in FAILURES]
    assert len(codes) > 20
    assert sorted(set(codes)) == sorted(codes)


@each_failure
def test_its_exit_code_means_nothing_else(kind: type[BuildstaticError]) -> None:
    others = {0, 1, 2, INTERNAL, INTERRUPTED, UNREAD}
    assert "exit_code" in vars(kind)
    assert kind.exit_code not in others
    # A shell has its own codes from 126 on.
    assert 0 < kind.exit_code < 126


@each_failure
def test_a_failure_says_in_a_sentence_when_it_happens(kind: type[BuildstaticError]) -> None:
    summary = (kind.__doc__ or "").splitlines()[0]
    assert summary.endswith(".")
    assert len(summary) <= 100


def test_all_failures_are_in_one_module_and_each_is_raised_somewhere() -> None:
    assert {kind.__module__ for kind in FAILURES} == {errors.__name__}
    sources = [path for path in PACKAGE.rglob("*.py") if path != Path(errors.__file__)]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    assert [kind.__name__ for kind in FAILURES if f"{kind.__name__}" not in text] == []


def test_the_advice_follows_the_problem_and_stands_apart_from_several_lines() -> None:
    assert str(ProjectNotFound("There is none.", "Make one.")) == "There is none. Make one."
    assert str(ProjectNotFound("There is none.")) == "There is none."
    assert str(ProjectNotFound("Two:\n- a", "Choose.")) == "Two:\n- a\n\nChoose."


@pytest.mark.parametrize(
    "error",
    [
        ProjectNotFound("There is none.", "Make one."),
        VariablesMissing("KEY is missing.", "Set it.", "KEY"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_failure_comes_whole_out_of_another_process(error: BuildstaticError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert vars(again) == vars(error)
    assert str(again) == str(error)


def test_a_failed_stage_knows_its_name_and_step() -> None:
    error = StageFailed("static failed.", stage="static", vertex="sha256:0")
    assert (error.stage, error.vertex) == ("static", "sha256:0")
    assert (StageFailed("x").stage, StageFailed("x").vertex) == ("", "")


def test_errors_import_nothing_of_ours() -> None:
    """They are loaded in the project's own Python, too."""
    assert "import buildstatic" not in inspect.getsource(errors)
    assert "from buildstatic" not in inspect.getsource(errors)
