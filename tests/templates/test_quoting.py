"""File names with characters that are special in a Dockerfile."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from buildstatic.templates.quoting import copy_words, env_value, exact_pattern, is_plain
from tests.dockerfile.variants import SPECIAL_NAMES

ORDINARY = ("requirements.txt", "requirements/prod.txt", "./a-b_c", "a@b", "a+b", "1.0")


@pytest.mark.parametrize("word", ORDINARY)
def test_plain_names_are_not_quoted(word: str) -> None:
    assert is_plain(word)
    assert copy_words(word, word) == f"{word} {word}"
    assert env_value(word) == word
    assert exact_pattern(word) == word


@pytest.mark.parametrize("word", SPECIAL_NAMES)
def test_special_names_are_not_plain(word: str) -> None:
    assert not is_plain(word)


def every_name(where: str) -> str:
    """Return a Dockerfile that copies each file of *where* into a directory.

    HOME would be expanded if a name was not quoted.
    """
    lines = ["FROM scratch AS files", "COPY . /", "FROM scratch", "ENV HOME=/wrong"]
    for name in SPECIAL_NAMES:
        lines += [
            f"WORKDIR {env_value(f'/out/{name}')}",
            f"COPY {where} {copy_words(name, f'./copy of {name}')}",
            f"COPY {where} {copy_words(f'sub/{name}', './')}",
            f"COPY {where} {copy_words(f'{name} directory/', './')}",
        ]
    return "\n".join([*lines, ""])


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("where", ["", "--from=files"])
def test_docker_copies_the_named_files_only(where: str, tmp_path: Path) -> None:
    for name in SPECIAL_NAMES:
        for file in (name, f"sub/{name}", f"{name} directory/inside"):
            path = tmp_path / "context" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file)
    # Files that the names would match as patterns.
    for decoy in ("starx", "star-x-", "ac", "ax"):
        (tmp_path / "context" / decoy).write_text("not me")
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(every_name(where), encoding="utf-8")
    out = tmp_path / "out"
    output = f"--output=type=local,dest={out}"
    subprocess.run(
        ["docker", "buildx", "build", f"--file={dockerfile}", output, str(tmp_path / "context")],
        check=True,
        capture_output=True,
    )

    found = {
        path.relative_to(out / "out").as_posix(): path.read_text()
        for path in out.rglob("*")
        if path.is_file()
    }
    expected = {}
    for name in SPECIAL_NAMES:
        expected[f"{name}/copy of {name}"] = name
        expected[f"{name}/{name}"] = f"sub/{name}"
        expected[f"{name}/inside"] = f"{name} directory/inside"
    assert found == expected
