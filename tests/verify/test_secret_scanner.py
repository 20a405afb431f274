"""Telling keys from placeholders, in linear time."""

from __future__ import annotations

import pytest

from buildstatic.verify.secret_scanner import (
    SecretScanner,
    secret_in_variable,
    secrets_in_command,
)

LETTERS = "dummysecretkeyforcollectstatic" * 2


@pytest.mark.parametrize("value", [f"{LETTERS}1", f"{LETTERS}_1", f"{'static_' * 20}1"])
def test_long_value_of_letters_is_scanned_fast(value: str) -> None:
    assert secret_in_variable(f"SECRET_KEY={value}") == "SECRET_KEY"
    assert [*secrets_in_command(f"RUN SECRET_KEY={value} python manage.py check")] == ["SECRET_KEY"]
    scanner = SecretScanner()
    scanner.update(f"SECRET_KEY = '{value}'\n".encode())
    assert scanner.found == "contains the value of a secret key"


@pytest.mark.parametrize("value", [LETTERS, "build-only", "not a.real_key", "Your Secret Key"])
def test_words_with_single_separators_are_placeholders(value: str) -> None:
    assert secret_in_variable(f"SECRET_KEY={value}") == ""


@pytest.mark.parametrize("value", ["static--files", "-dummy-key", "dummy-key-", "dummy  key"])
def test_other_separators_are_not_placeholders(value: str) -> None:
    assert secret_in_variable(f"SECRET_KEY={value}") == "SECRET_KEY"


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("ENV SECRET_KEY=0x9fJ2kQ8s", ["SECRET_KEY"]),
        ("ENV DJANGO_SECRET_KEY 0x9fJ2kQ8s", ["DJANGO_SECRET_KEY"]),
        ("RUN |1 SECRET_KEY=0x9fJ2kQ8s /bin/sh -c python manage.py migrate", ["SECRET_KEY"]),
        ("RUN /bin/sh -c SECRET_KEY='0x9fJ2kQ8s' python manage.py migrate", ["SECRET_KEY"]),
        ("RUN /bin/sh -c AWS_SECRET_ACCESS_KEY=0x9fJ2kQ8s aws s3 sync", ["AWS_SECRET_ACCESS_KEY"]),
        ("RUN /bin/sh -c SECRET_KEY=build-only python manage.py collectstatic", []),
        ("RUN /bin/sh -c SECRET_KEY=dummy-secret-key python manage.py collectstatic", []),
        ("RUN /bin/sh -c SECRET_KEY=$(cat /run/secrets/key) python manage.py check", []),
        ("RUN --mount=type=secret,id=SECRET_KEY /bin/sh -c python manage.py check", []),
        ("ARG SECRET_KEY", []),
        ("ENV SECRET_KEY=", []),
    ],
)
def test_keys_in_commands_are_found_unless_placeholders(command: str, names: list[str]) -> None:
    assert [*secrets_in_command(command)] == names
