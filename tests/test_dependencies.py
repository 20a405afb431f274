"""The dependencies of buildstatic are listed with their licences, and locked for CI."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Set as AbstractSet
from importlib.metadata import Distribution, distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from buildstatic.dockerfile.generate import COLLECT_REQUIREMENTS
from tests.samples import copy

REPOSITORY = Path(__file__).parent.parent
PAGE = REPOSITORY / "docs" / "reference" / "dependencies.md"
LOCK = REPOSITORY / ".github" / "constraints.txt"
# What other systems, interpreters or extras need.
ENVIRONMENTS: tuple[dict[str, str | AbstractSet[str]], ...] = (
    {"extra": "", "python_version": "3.11", "python_full_version": "3.11.9"},
    {"extra": "", "python_version": "3.14", "python_full_version": "3.14.1"},
)


def required(name: str) -> set[NormalizedName]:
    """Return the names of what *name* requires, directly or not."""
    found: set[NormalizedName] = set()
    pending: list[str] = [name]
    while pending:
        for line in distribution(pending.pop()).requires or ():
            requirement = Requirement(line)
            marker = requirement.marker
            is_needed = marker is None or any(map(marker.evaluate, ENVIRONMENTS))
            needed = canonicalize_name(requirement.name)
            if is_needed and needed not in found:
                found.add(needed)
                pending += [needed] if is_installed(needed) else []
    return found


def is_installed(name: str) -> bool:
    return any(Distribution.discover(name=name))


def licence(name: str) -> str:
    """Return the family of the licence in the metadata of *name*."""
    metadata = distribution(name).metadata
    classifiers = metadata.get_all("Classifier") or ()
    licences = [value for value in classifiers if value.startswith("License :: ")]
    text = next(iter(metadata.get_all("License") or ()), "").partition("\n")[0]
    expressions = metadata.get_all("License-Expression") or ()
    return family(" ".join([*expressions, *licences, text]))


def family(text: str) -> str:
    """Return the first known licence that *text* names."""
    found = re.search("Apache|BSD|MIT|MPL|PSF", text)
    assert found, text
    return found[0]


def test_licence_of_each_dependency_is_listed() -> None:
    rows = re.findall(r"^\| ([\w.-]+) \| .+ \| (.+) \|$", PAGE.read_text(), re.M)
    listed = {canonicalize_name(name): text for name, text in rows if name != "package"}
    expected = required("buildstatic")
    assert sorted(listed) == sorted(expected)
    for name in filter(is_installed, expected):
        assert family(listed[name]) == licence(name), name


def test_all_dependencies_are_locked_for_ci() -> None:
    locked = {canonicalize_name(line.partition("==")[0]) for line in LOCK.read_text().splitlines()}
    assert required("buildstatic") <= locked


WITHOUT_OTHERS = """
import sys

class Others:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in {modules}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Others)
from buildstatic.__main__ import main
main()
"""


def without_others(root: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run buildstatic in *root* with only the packages that the static stage installs."""
    installed = {canonicalize_name(Requirement(each).name) for each in COLLECT_REQUIREMENTS}
    others = required("buildstatic") - installed
    modules = {
        module
        for module, names in packages_distributions().items()
        if others.issuperset(map(canonicalize_name, names))
    }
    assert {"docker", "jinja2", "requests", "pygments"} <= modules
    script = WITHOUT_OTHERS.format(modules=modules)
    return subprocess.run(
        [sys.executable, "-c", script, *argv], cwd=root, capture_output=True, text=True
    )


@pytest.mark.slow
def test_static_stage_installs_what_collecting_uses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = copy("manifest", tmp_path)
    monkeypatch.setenv("FORCE_COLOR", "1")
    ran = without_others(root, "collect", "--noinput", "--compress", "fast")
    assert ran.returncode == 0, ran.stderr
    monkeypatch.delenv("FORCE_COLOR")
    settings = root / "mysite" / "settings.py"
    settings.write_text(f"import not_installed\n{settings.read_text()}")
    ran = without_others(root, "collect", "--noinput")
    assert "not_installed" in ran.stderr
    assert "None of the dependencies has it." in ran.stderr


@pytest.mark.slow
def test_other_commands_of_the_static_stage_name_what_is_missing(tmp_path: Path) -> None:
    ran = without_others(copy("manifest", tmp_path), "generate", "--stdout", "dockerfile")
    assert ran.stderr == (
        "error: No module named 'jinja2'. Install buildstatic with all that it requires: "
        "pip install buildstatic.\n"
    )
