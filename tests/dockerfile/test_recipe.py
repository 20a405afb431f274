"""Which Dockerfile a build runs, and the stages that are in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from buildstatic.dockerfile.dockerignore import dockerignore
from buildstatic.dockerfile.generate import dockerfile
from buildstatic.dockerfile.recipe import Recipe, choose, stage_names
from buildstatic.errors import ConfigInvalid
from tests.oci.variants import VARIANTS, Variant, plain

PLAIN = Variant()


def chosen(root: Path, **files: str | bytes) -> Recipe:
    """Return the recipe for a project with *files*, whose names have a point for ``__``."""
    for name, content in files.items():
        raw = content if isinstance(content, bytes) else content.encode()
        (root / name.replace("__", ".")).write_bytes(raw)
    return choose(plain(root), PLAIN.chosen)


def generated(root: Path) -> str:
    return dockerfile(plain(root), PLAIN.chosen).text


def test_without_a_dockerfile_the_generated_one_runs_and_is_written_nowhere(tmp_path: Path) -> None:
    recipe = chosen(tmp_path)
    assert (recipe.dockerfile, recipe.source, recipe.passed_over) == (
        generated(tmp_path),
        None,
        None,
    )
    assert recipe.dockerignore == dockerignore(plain(tmp_path)).text
    assert recipe.has("static")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        "# Written by buildstatic 0.1; yours to edit.\nFROM scratch AS web\n",
        "\ufeff# Written by buildstatic 0.1; yours to edit.\r\nFROM scratch\r\n",
        "FROM python AS static\nFROM scratch\n",
        "from python as Static\nFROM scratch\n",
        "ARG X=1\nFROM --platform=$BUILDPLATFORM python:$X \\\n  # why\n  AS static\nFROM web\n",
    ],
)
def test_the_projects_own_runs_if_buildstatic_wrote_it_or_it_has_a_static_stage(
    text: str, tmp_path: Path
) -> None:
    recipe = chosen(tmp_path, Dockerfile=text)
    own = text.removeprefix("\ufeff").replace("\r\n", "\n")
    assert (recipe.dockerfile, recipe.source) == (own, tmp_path / "Dockerfile")
    assert recipe.passed_over is None


@pytest.mark.parametrize(
    "text",
    [
        "FROM python\nRUN python manage.py collectstatic\n",
        "FROM python AS statics\n",
        "# FROM python AS static\nFROM python\n",
        "FROM python\n# Written by buildstatic\n",
        "FROM python\nCOPY <<END /x\nFROM python AS static\nEND\n",
    ],
)
def test_any_other_is_passed_over_for_the_generated_one(text: str, tmp_path: Path) -> None:
    recipe = chosen(tmp_path, Dockerfile=text)
    assert (recipe.dockerfile, recipe.source) == (generated(tmp_path), None)
    assert recipe.passed_over == tmp_path / "Dockerfile"


def test_the_projects_own_ignore_file_is_left_to_the_builder(tmp_path: Path) -> None:
    assert chosen(tmp_path, __dockerignore="*.md\n").dockerignore is None


def test_the_ignore_file_of_the_dockerfile_goes_before_the_other(tmp_path: Path) -> None:
    recipe = chosen(
        tmp_path,
        Dockerfile="FROM x AS static\n",
        __dockerignore="*.md\n",
        Dockerfile__dockerignore="*.txt\n",
    )
    assert recipe.dockerignore == "*.txt\n"


def test_a_dockerfile_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match=r"^Dockerfile cannot be read: .*utf-8"):
        chosen(tmp_path, Dockerfile=b"FROM x AS caf\xe9\n")
    (tmp_path / "Dockerfile").unlink()
    (tmp_path / "Dockerfile").mkdir()
    with pytest.raises(ConfigInvalid, match=r"^Dockerfile cannot be read: .*directory"):
        chosen(tmp_path)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        ("FROM a\nFROM b\n", ("", "")),
        ("FROM a AS One\nfrom b as TWO\n  From\tc\tAs  three  ", ("one", "two", "three")),
        ("FROM --platform=linux/amd64 a AS one\nFROM --platform=$X b\n", ("one", "")),
        ("FROM a \\\n AS \\\n\n # x\n one\nRUN b \\\n FROM c AS two\n", ("one",)),
        ("FROM a AS one \\  \nRUN x", ()),
        ("# FROM a AS zero\n  # FROM a AS zero \\\nFROM a AS one\n", ("one",)),
        (
            "# syntax=x\n# escape=`\nFROM a `\n AS one\nRUN dir c:\\\nFROM b AS two\n",
            ("one", "two"),
        ),
        ("FROM a AS one\n# escape=`\nRUN x `\nFROM b AS two\n", ("one", "two")),
        ("FROM a AS one\nRUN <<EOF\nFROM b AS two\nEOF\nFROM c AS three\n", ("one", "three")),
        (
            "FROM a AS one\nCOPY <<-'A' <<\"B\" /x/\n\tFROM b AS two\n\tA\nFROM b AS c\nB\nFROM d",
            ("one", ""),
        ),
        ("FROM a\nRUN echo 'x <<EOF y'\nFROM b AS two\n", ("", "two")),
        ("FROM a\nRUN cat <<<EOF\nFROM b AS two\nEOF\n", ("", "two")),
        ("FROM a AS one\r\nRUN x \\\r\n y\r\nFROM b AS two\r\n", ("one", "two")),
        ("FROM a AS one two\nFROMAGE b AS three\n", ()),
    ],
)
def test_the_stages_are_those_that_a_builder_sees(text: str, names: tuple[str, ...]) -> None:
    assert stage_names(text) == names


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_every_stage_of_what_is_generated_has_its_name(variant: Variant) -> None:
    text = dockerfile(variant.project(Path("/nowhere")), variant.chosen).text
    names = stage_names(text)
    assert "" not in names
    assert list(names) == re.findall(r"^FROM .* AS (\S+)$", text, re.M)
    assert names[-1] == "web"


@pytest.mark.parametrize(
    ("target", "is_final"),
    [(None, True), ("web", True), ("WEB", True), ("1", True), ("static", False), ("0", False)],
)
def test_the_final_image_is_that_of_the_last_stage(target: str | None, is_final: bool) -> None:
    assert Recipe("", None, None, ("static", "web")).is_final(target) is is_final
    assert Recipe("", None, None, ("static", "")).is_final(target) is (target in (None, "1"))
