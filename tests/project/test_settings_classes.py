"""Settings classes: of pydantic-settings, of django-configurations, and plain ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.project import Fact, settings
from buildstatic.project.detect import detect
from buildstatic.project.files import Search
from buildstatic.project.settings import UNKNOWN, plain, secret_key
from tests.project.tree import MANAGE, evaluated, project, read

PYDANTIC = """\
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal, Optional
from pydantic import AliasChoices, AnyUrl, BaseModel, EmailStr, Field, PostgresDsn, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
"""
CONFIGURATIONS = "from configurations import Configuration, values\n"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("  a: str", {"A": True}, id="required"),
        pytest.param("  a: str = 'b'", {"A": False}, id="default"),
        pytest.param("  a: str | None = None", {"A": False}, id="none"),
        pytest.param("  a: str = Field(...)", {"A": True}, id="ellipsis"),
        pytest.param("  a: str = Field(default='b')", {"A": False}, id="field-default"),
        pytest.param("  a: list = Field(default_factory=list)", {"A": False}, id="factory"),
        pytest.param("  a: str = Field(alias='B_C')", {"B_C": True}, id="alias"),
        pytest.param("  a: str = Field(validation_alias='B')", {"B": True}, id="validation-alias"),
        pytest.param(
            "  a: str = Field(validation_alias=AliasChoices('B', 'C'))", {"B": True}, id="choices"
        ),
        pytest.param(
            "  model_config = SettingsConfigDict(env_prefix='APP_')\n  a: str\n"
            "  b: str = Field(alias='B')",
            {"APP_A": True, "B": True},
            id="prefix",
        ),
        pytest.param(
            "  class Config:\n    env_prefix = 'app_'\n  a: str", {"APP_A": True}, id="config-class"
        ),
        pytest.param(
            "  model_config = {'case_sensitive': True}\n  a: str", {"a": True}, id="case-sensitive"
        ),
        pytest.param(
            "  model_config = SettingsConfigDict(env_nested_delimiter='__')\n  db: Database",
            {"DB__HOST": True, "DB__PORT": False},
            id="nested",
        ),
        pytest.param("  db: Database", {"DB": True}, id="nested-as-json"),
        pytest.param(
            "  mail: Mail = Mail()\n  other: Mail = Field(default_factory=Mail)",
            {"MAIL_HOST": True, "MAIL": False},
            id="other-settings",
        ),
    ],
)
def test_variables_of_pydantic_settings(
    tmp_path: Path, body: str, expected: dict[str, bool]
) -> None:
    text = (
        f"{PYDANTIC}class Database(BaseModel):\n  host: str\n  port: int = 1\n"
        "class Mail(BaseSettings):\n  model_config = SettingsConfigDict(env_prefix='MAIL_')\n"
        f"  host: str\nclass Env(BaseSettings):\n{body}\nenv = Env()\n"
    )
    found = read(tmp_path, {"mysite/settings.py": text})
    assert {item.name: item.required for item in found.variables} == expected


@pytest.mark.parametrize(
    ("annotation", "kind", "choices"),
    [
        ("str", "text", ()),
        ("SecretStr", "text", ()),
        ("int", "number", ()),
        ("int | None", "number", ()),
        ("Optional[bool]", "flag", ()),
        ("Annotated[float, Field(gt=0)]", "number", ()),
        ("'int'", "number", ()),
        ("list[str]", "list", ()),
        ("dict[str, str]", "json", ()),
        ("AnyUrl", "url", ()),
        ("PostgresDsn", "postgresql", ()),
        ("EmailStr", "address", ()),
        ("Path", "directory", ()),
        ("Literal['a', 'b']", "choice", ("a", "b")),
        ("Stage", "choice", ("dev", "prod")),
    ],
)
def test_kind_of_pydantic_field(
    tmp_path: Path, annotation: str, kind: str, choices: tuple[str, ...]
) -> None:
    stage = "class Stage(str, Enum):\n  DEV = 'dev'\n  PROD = 'prod'\n"
    text = f"{PYDANTIC}{stage}class Env(BaseSettings):\n  a: {annotation}\nenv = Env()\n"
    found = read(tmp_path, {"mysite/settings.py": text})
    assert [(item.kind, item.choices) for item in found.variables] == [(kind, choices)]


def test_values_of_pydantic_settings(tmp_path: Path) -> None:
    text = (
        f"{PYDANTIC}class Base(BaseSettings):\n  key: SecretStr\n  root: Path = Path('/a')\n"
        "class Env(Base):\n  name: str = 'b'\n"
        "  @property\n  def tree(self):\n    return self.root / self.name\n"
        "  def below(self, name):\n    return self.tree / name\n"
        "def get_env():\n  return Env()\nenv = get_env()\n"
        "SECRET_KEY = env.key.get_secret_value()\nX = str(env.below('c'))\n"
    )
    found = read(tmp_path, {"mysite/settings.py": text})
    assert str(evaluated(tmp_path, text)) == "/a/b/c"
    key = secret_key(found)
    assert key is not None
    assert (key.name, key.required, key.source) == ("KEY", True, "mysite/settings.py:7")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("class A:\n  X = 1\nclass B(A):\n  pass\nX = B.X", 1, id="inherited"),
        pytest.param(
            "class A:\n  X = 1\nclass M:\n  X = 2\nclass B(M, A):\n  pass\nX = B.X", 2, id="mixin"
        ),
        pytest.param(
            "class A:\n  def __init__(self, x):\n    self.x = x\nX = A('a').x", "a", id="init"
        ),
        pytest.param(
            "class A:\n  @classmethod\n  def f(cls):\n    return cls.Y\n  Y = 1\nX = A.f()",
            1,
            id="classmethod",
        ),
        pytest.param(
            "class A:\n  @staticmethod\n  def f(x):\n    return x\nX = A().f(2)",
            2,
            id="staticmethod",
        ),
        pytest.param(
            "class A:\n  @property\n  def x(self):\n    return ['a']\nclass B(A):\n  @property\n"
            "  def x(self):\n    return super().x + ['b']\nX = B().x",
            ("a", "b"),
            id="super",
        ),
    ],
)
def test_plain_classes(tmp_path: Path, text: str, expected: object) -> None:
    assert evaluated(tmp_path, text) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("X = 'a'", "a", id="attribute"),
        pytest.param("X = values.Value('a')", "a", id="value"),
        pytest.param("X = values.Value('a', environ_name='N')", "a", id="named-value"),
        pytest.param("X = values.BooleanValue()", False, id="default-of-class"),
        pytest.param("X = values.SecretValue()", UNKNOWN, id="secret"),
        pytest.param("def X(self):\n    return self.Y + '!'", "b!", id="method"),
        pytest.param("@property\n  def X(self):\n    return self.Y", "b", id="property"),
        pytest.param("X = Base.Z + ['c']", ("z", "c"), id="from-base"),
        pytest.param("X = values.ListValue(['a'])", ("a",), id="list"),
    ],
)
def test_settings_of_configuration_class(tmp_path: Path, body: str, expected: object) -> None:
    text = (
        f"{CONFIGURATIONS}class Base(Configuration):\n  Z = ['z']\n  Y = 'b'\n"
        f"class Production(Base):\n  {body}\nclass Dev(Base):\n  X = 'other'\n"
    )
    path = project(tmp_path, {"mysite/settings.py": text}) / "mysite" / "settings.py"
    value = settings.read(path, Search(tmp_path, tmp_path), "Production").get("X")
    assert value is not None
    assert plain(value) == expected


@pytest.mark.parametrize(
    ("value", "name", "required", "kind"),
    [
        ("values.Value('a')", "DJANGO_X", False, "text"),
        ("values.SecretValue()", "DJANGO_X", True, "text"),
        ("values.IntegerValue(environ_required=True)", "DJANGO_X", True, "number"),
        ("values.Value('a', environ_prefix='MY')", "MY_X", False, "text"),
        ("values.Value('a', environ_prefix=None)", "X", False, "text"),
        ("values.Value('a', environ_name='Y', environ_prefix='')", "Y", False, "text"),
        ("values.DatabaseURLValue('sqlite:///a')", "DATABASE_URL", False, "database"),
    ],
)
def test_variables_of_configuration_class(
    tmp_path: Path, value: str, name: str, required: bool, kind: str
) -> None:
    text = f"{CONFIGURATIONS}class Production(Configuration):\n  X = {value}\n"
    root = project(tmp_path, {"mysite/settings.py": text})
    found = detect(root, environ={"DJANGO_CONFIGURATION": "Production"}).variables
    assert [(item.name, item.required, item.kind) for item in found] == [(name, required, kind)]


@pytest.mark.parametrize(
    ("wsgi", "environ", "expected"),
    [
        pytest.param("", {}, Fact("Staging", "manage.py:2"), id="manage-py"),
        pytest.param("Prod", {}, Fact("Prod", "mysite/wsgi.py:2"), id="wsgi"),
        pytest.param("Typo", {}, Fact("Staging", "manage.py:2"), id="not-a-class"),
        pytest.param("Dev", {}, Fact("Prod", "mysite/settings.py:4"), id="development"),
        pytest.param(
            "",
            {"DJANGO_CONFIGURATION": "Prod"},
            Fact("Prod", "DJANGO_CONFIGURATION"),
            id="environment",
        ),
    ],
)
def test_configuration_class_is_selected(
    tmp_path: Path, wsgi: str, environ: dict[str, str], expected: Fact[str]
) -> None:
    setdefault = "import os\nos.environ.setdefault('DJANGO_CONFIGURATION', '{}')\n"
    root = project(
        tmp_path,
        {
            "mysite/settings.py": f"{CONFIGURATIONS}class Dev(Configuration):\n"
            "  STATIC_ROOT = 'd'\nclass Prod(Configuration):\n  STATIC_ROOT = 'p'\n"
            "class Staging(Configuration):\n  STATIC_ROOT = 's'\n",
            "mysite/wsgi.py": setdefault.format(wsgi) if wsgi else "",
        },
    )
    manage = setdefault.format("Staging") + MANAGE.format(settings="mysite.settings")
    (root / "manage.py").write_text(manage)
    found = detect(root, environ=environ)
    assert found.configuration == expected
    assert found.static_root is not None
    assert found.static_root.value == expected.value[0].lower()


def test_settings_are_unknown_without_configuration_class(tmp_path: Path) -> None:
    text = f"{CONFIGURATIONS}class P(Configuration):\n  STATIC_ROOT = 'a'\n"
    found = detect(project(tmp_path, {"mysite/settings.py": text}), environ={})
    assert (found.configuration, found.static_root, found.remote) == (None, None, None)
    assert any("Set DJANGO_CONFIGURATION" in note for note in found.notes)
