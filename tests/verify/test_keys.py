"""What is a key and what only stands for one is told at once."""

from __future__ import annotations

import pytest

from buildstatic.verify.keys import Keys, in_command, in_variable

LETTERS = "dummysecretkeyforcollectstatic" * 2


@pytest.mark.parametrize("value", [f"{LETTERS}1", f"{LETTERS}_1", f"{'static_' * 20}1"])
def test_a_long_value_of_letters_takes_no_longer_than_another(value: str) -> None:
    assert in_variable(f"SECRET_KEY={value}") == "SECRET_KEY"
    assert [*in_command(f"RUN SECRET_KEY={value} python manage.py check")] == ["SECRET_KEY"]
    keys = Keys()
    keys.update(f"SECRET_KEY = '{value}'\n".encode())
    assert keys.found == "it has the value of a secret key in it"


@pytest.mark.parametrize("value", [LETTERS, "build-only", "not a.real_key", "Your Secret Key"])
def test_words_stand_for_a_key_whatever_is_between_them(value: str) -> None:
    assert in_variable(f"SECRET_KEY={value}") == ""


@pytest.mark.parametrize("value", ["static--files", "-dummy-key", "dummy-key-", "dummy  key"])
def test_one_sign_is_between_two_words_and_none_around_them(value: str) -> None:
    assert in_variable(f"SECRET_KEY={value}") == "SECRET_KEY"
