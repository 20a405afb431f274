"""The choice of the Dockerfile, and the stages in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from buildstatic.dockerfile.dockerignore import generate_dockerignore
from buildstatic.dockerfile.generate import generate_dockerfile
from buildstatic.dockerfile.source import (
    DockerfileSource,
    choose_dockerfile,
    copies_code_last,
    stage_names,
)
from buildstatic.errors import ConfigInvalid
from tests.dockerfile.variants import Variant, plain

PLAIN = Variant()


def chosen(root: Path, **files: str | bytes) -> DockerfileSource:
    """Return the Dockerfile for a project with *files*; ``__`` in their names is a dot."""
    for name, content in files.items():
        raw = content if isinstance(content, bytes) else content.encode()
        (root / name.replace("__", ".")).write_bytes(raw)
    return choose_dockerfile(plain(root), PLAIN.dockerfile_options)


def generated(root: Path, **options: Any) -> str:
    options = {"static_first": True, "archive": True, **options}
    return generate_dockerfile(plain(root), replace(PLAIN.dockerfile_options, **options)).text


def test_generated_dockerfile_is_not_written(tmp_path: Path) -> None:
    source = chosen(tmp_path)
    assert (source.dockerfile, source.path, source.skipped) == (
        generated(tmp_path),
        None,
        None,
    )
    assert source.dockerignore == generate_dockerignore(plain(tmp_path)).text
    assert "static" in source.stages
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        "# Written by buildstatic 0.1. You can edit this file.\nFROM scratch AS web\n",
        "\ufeff# Written by buildstatic 0.1. You can edit this file.\r\nFROM scratch\r\n",
        "FROM python AS static\nFROM scratch\n",
        "from python as Static\nFROM scratch\n",
        "ARG X=1\nFROM --platform=$BUILDPLATFORM python:$X \\\n  # why\n  AS static\nFROM web\n",
    ],
)
def test_own_dockerfile_is_used_if_generated_or_with_a_static_stage(
    text: str, tmp_path: Path
) -> None:
    source = chosen(tmp_path, Dockerfile=text)
    own = text.removeprefix("\ufeff").replace("\r\n", "\n")
    assert (source.dockerfile, source.path) == (own, tmp_path / "Dockerfile")
    assert source.skipped is None


@pytest.mark.parametrize("ignored", ["staticfiles\n", "*.md\n"], ids=["ignored", "in-context"])
@pytest.mark.parametrize("static_first", [True, False], ids=["first", "last"])
def test_generated_dockerfile_gets_what_is_fast_and_a_safe_order_until_it_is_changed(
    tmp_path: Path, static_first: bool, ignored: str
) -> None:
    plain_form = {"cache_mounts": False, "archive": False}
    text = generated(tmp_path, static_first=static_first, **plain_form)
    assert "type=cache" not in text
    source = chosen(tmp_path, Dockerfile=text, __dockerignore=ignored)
    is_first = static_first and ignored == "staticfiles\n"
    assert source.path == tmp_path / "Dockerfile"
    assert source.dockerfile == generated(tmp_path, static_first=is_first)
    own = f"{text}# mine\n"
    assert chosen(tmp_path, Dockerfile=own).dockerfile == own


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
def test_other_dockerfiles_are_skipped(text: str, tmp_path: Path) -> None:
    source = chosen(tmp_path, Dockerfile=text)
    assert (source.dockerfile, source.path) == (generated(tmp_path), None)
    assert source.skipped == tmp_path / "Dockerfile"


def test_own_dockerignore_is_left_to_the_builder(tmp_path: Path) -> None:
    source = chosen(tmp_path, __dockerignore="*.md\n")
    assert source.dockerignore is None
    assert source.dockerfile == generated(tmp_path, static_first=False)


def test_dockerfile_dockerignore_takes_precedence(tmp_path: Path) -> None:
    source = chosen(
        tmp_path,
        Dockerfile="FROM x AS static\n",
        __dockerignore="*.md\n",
        Dockerfile__dockerignore="*.txt\n",
    )
    assert source.dockerignore == "*.txt\n"


def test_unreadable_dockerfile(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match=r"^Cannot read Dockerfile: .*utf-8"):
        chosen(tmp_path, Dockerfile=b"FROM x AS caf\xe9\n")
    (tmp_path / "Dockerfile").unlink()
    (tmp_path / "Dockerfile").mkdir()
    with pytest.raises(ConfigInvalid, match=r"^Cannot read Dockerfile: .*directory"):
        chosen(tmp_path)


@pytest.mark.parametrize(
    ("copies", "is_last"),
    [
        ("COPY --link --from=static /layer/ /\nCOPY . .", True),
        ("COPY . .\nCOPY --from=Static --link /layer/ / \nCOPY \\\n --chown=app ./ /app", True),
        ("COPY . .\nCOPY --link --from=static /layer/ /\nCOPY static /static", False),
        ("COPY --from=static /layer/ /\nCOPY --from=deps . /deps", False),
        ("COPY static/ /static/\nCOPY . .", False),
        ("COPY --from=static /layer/ /\nFROM base\nCOPY . .", False),
    ],
)
def test_code_that_is_copied_over_the_static_files_is_known(copies: str, is_last: bool) -> None:
    text = f"FROM base AS static\nCOPY . .\nFROM base\n{copies}\n"
    assert copies_code_last(text) == is_last


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
def test_stage_names(text: str, names: tuple[str, ...]) -> None:
    assert stage_names(text) == names
