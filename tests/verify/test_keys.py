"""What is a key and what only stands for one is told at once."""

from __future__ import annotations

import pytest

from buildstatic.verify.secret_scanner import (
    SecretScanner,
    secret_in_variable,
    secrets_in_command,
)

LETTERS = "dummysecretkeyforcollectstatic" * 2


@pytest.mark.parametrize("value", [f"{LETTERS}1", f"{LETTERS}_1", f"{'static_' * 20}1"])
def test_a_long_value_of_letters_takes_no_longer_than_another(value: str) -> None:
    assert secret_in_variable(f"SECRET_KEY={value}") == "SECRET_KEY"
    assert [*secrets_in_command(f"RUN SECRET_KEY={value} python manage.py check")] == ["SECRET_KEY"]
    keys = SecretScanner()
    keys.update(f"SECRET_KEY = '{value}'\n".encode())
    assert keys.found == "contains the value of a secret key"


@pytest.mark.parametrize("value", [LETTERS, "build-only", "not a.real_key", "Your Secret Key"])
def test_words_stand_for_a_key_whatever_is_between_them(value: str) -> None:
    assert secret_in_variable(f"SECRET_KEY={value}") == ""


@pytest.mark.parametrize("value", ["static--files", "-dummy-key", "dummy-key-", "dummy  key"])
def test_one_sign_is_between_two_words_and_none_around_them(value: str) -> None:
    assert secret_in_variable(f"SECRET_KEY={value}") == "SECRET_KEY"
