"""Environment variables that settings read."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.project import Variable
from buildstatic.project.settings import secret_key
from tests.project.tree import read

DJANGO_ENVIRON = "import environ\nenv = environ.Env(DEBUG=(bool, False), URL=str)\n"
ENVIRONS = "from environs import Env\nenv = Env()\nenv.read_env()\n"
DECOUPLE = "from decouple import config\n"


def variables(root: Path, text: str) -> dict[str, bool]:
    """Return the variables that *text* reads: name, and whether it is required."""
    found = read(root, {"mysite/settings.py": f"import os\n{text}"})
    return {item.name: item.required for item in found.variables}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("X = os.environ['A']", {"A": True}, id="subscript"),
        pytest.param("from os import environ as e\nX = e['A']", {"A": True}, id="renamed"),
        pytest.param("X = os.environ.get('A')", {"A": False}, id="get"),
        pytest.param("X = os.getenv('A', 'b')", {"A": False}, id="getenv"),
        pytest.param("X = os.environ.pop('A')", {"A": True}, id="pop"),
        pytest.param("X = 'A' in os.environ", {"A": False}, id="in"),
        pytest.param("E = os.environ.copy()\nX = E['A']", {"A": True}, id="copy"),
        pytest.param(DJANGO_ENVIRON + "X = env('A')", {"A": True}, id="environ"),
        pytest.param(DJANGO_ENVIRON + "X = env('DEBUG')", {"DEBUG": False}, id="scheme-default"),
        pytest.param(DJANGO_ENVIRON + "X = env('URL')", {"URL": True}, id="scheme-type"),
        pytest.param(DJANGO_ENVIRON + "X = env.bool('A', default=False)", {"A": False}, id="bool"),
        pytest.param(DJANGO_ENVIRON + "X = env.list('A')", {"A": True}, id="environ-list"),
        pytest.param(DJANGO_ENVIRON + "X = env.db()", {"DATABASE_URL": True}, id="db"),
        pytest.param(DJANGO_ENVIRON + "X = env.db('A')", {"A": True}, id="db-named"),
        pytest.param(
            DJANGO_ENVIRON + "X = env.cache(default='locmemcache://')",
            {"CACHE_URL": False},
            id="cache",
        ),
        pytest.param(DJANGO_ENVIRON + "X = env('A', default=env.NOTSET)", {"A": True}, id="notset"),
        pytest.param(DJANGO_ENVIRON + "env.read_env('.env')", {}, id="read-env"),
        pytest.param(ENVIRONS + "X = env.str('A')", {"A": True}, id="environs"),
        pytest.param(ENVIRONS + "X = env.int('A', 3)", {"A": False}, id="environs-default"),
        pytest.param(
            ENVIRONS + "with env.prefixed('DJANGO_'):\n  X = env('A')\nY = env('B')",
            {"DJANGO_A": True, "B": True},
            id="environs-prefix",
        ),
        pytest.param(DECOUPLE + "X = config('A')", {"A": True}, id="decouple"),
        pytest.param(DECOUPLE + "X = config('A', default=1, cast=int)", {"A": False}, id="cast"),
        pytest.param(
            "from decouple import Config, RepositoryEnv as R\nc = Config(R('.env'))\nX = c('A')",
            {"A": True},
            id="decouple-config",
        ),
        pytest.param(
            "import dj_database_url as d\nX = d.config(default='sqlite:///x')",
            {"DATABASE_URL": False},
            id="dj-database-url",
        ),
        pytest.param("X = {'a': [f\"{os.environ['A']}\"]}", {"A": True}, id="deep-inside"),
        pytest.param("X = unknown(os.environ['A'])", {"A": True}, id="argument"),
        pytest.param("X = [a for a in os.environ['A'].split()]", {"A": True}, id="comprehension"),
        pytest.param("for n in ('A', 'B'):\n  os.environ[n]", {"A": True, "B": True}, id="loop"),
        pytest.param(
            "X = {n: os.environ[n] for n in ('A', 'B')}", {"A": True, "B": True}, id="dict-of-names"
        ),
        pytest.param("X = lambda: os.environ['A']", {}, id="not-run"),
        pytest.param("def f():\n  return os.environ['A']", {}, id="not-called"),
        pytest.param("def f():\n  return os.environ['A']\nX = f()", {"A": True}, id="called"),
        pytest.param("class A:\n  B = os.environ['A']", {"A": True}, id="class-body"),
        pytest.param("os.environ['A'] = 'b'\nX = os.environ['A']", {"A": False}, id="set-before"),
        pytest.param("X = os.environ[unknown()]", {}, id="no-name"),
    ],
)
def test_reads_of_variables(tmp_path: Path, text: str, expected: dict[str, bool]) -> None:
    assert variables(tmp_path, text) == expected


DYNACONF = """\
from dynaconf import DjangoDynaconf, Dynaconf, Validator as V
NAME = 'set here'
REQUIRED = [V('A', 'name', must_exist=True), V('db.host', must_exist=True), V('C', default=1)]
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "settings = DjangoDynaconf(__name__, validators=REQUIRED)",
            {"DJANGO_A": True, "DJANGO_DB__host": True},
            id="django",
        ),
        pytest.param(
            "settings = Dynaconf(envvar_prefix='app', validators=REQUIRED)",
            {"APP_A": True, "APP_DB__host": True},
            id="prefix",
        ),
        pytest.param(
            "settings = Dynaconf(envvar_prefix=False, validators=REQUIRED, db={'host': 'x'})",
            {"A": True},
            id="no-prefix",
        ),
        pytest.param(
            "settings = Dynaconf(settings_files=['x.toml'], validators=REQUIRED)",
            {"DYNACONF_DB__host": True},
            id="file",
        ),
        pytest.param(
            "settings = DjangoDynaconf(__name__, validators=[V('A', must_exist=True, when=W)])",
            {},
            id="condition",
        ),
    ],
)
def test_validators_of_dynaconf(tmp_path: Path, text: str, expected: dict[str, bool]) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/x.toml").write_text('[default]\na = "b"\n')
    assert variables(tmp_path, DYNACONF + text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "if 'A' in os.environ:\n  X = os.environ['A']", {"A": False}, id="asked-before"
        ),
        pytest.param(
            "if os.getenv('S3') == '1':\n  X = os.environ['A']",
            {"S3": False, "A": False},
            id="switch",
        ),
        pytest.param(
            "D = os.getenv('D', '0') == '1'\nif D:\n  X = 'a'\nelse:\n  X = os.environ['A']",
            {"D": False, "A": True},
            id="without-debug",
        ),
        pytest.param(
            "X = os.getenv('A')\nif not X:\n  raise RuntimeError('A!')", {"A": True}, id="guarded"
        ),
        pytest.param(
            "X = os.getenv('A', '')\nif X == '':\n  import sys; sys.exit('A!')",
            {"A": True},
            id="guarded-by-exit",
        ),
        pytest.param("X = os.getenv('A')\nassert X, 'A!'", {"A": True}, id="asserted"),
        pytest.param(
            "if 'A' not in os.environ:\n  raise RuntimeError", {"A": True}, id="guarded-by-in"
        ),
        pytest.param(
            "D = os.getenv('D') == '1'\nX = os.getenv('A')\nif not D and not X:\n  raise E",
            {"D": False, "A": True},
            id="guarded-with-another",
        ),
        pytest.param(
            "for n in ('A', 'B'):\n  if n not in os.environ:\n    raise RuntimeError(n)",
            {"A": True, "B": True},
            id="guarded-in-a-loop",
        ),
        pytest.param(
            "M = [n for n in ('A', 'B') if n not in os.environ]\nif M:\n  raise RuntimeError(M)",
            {"A": True, "B": True},
            id="guarded-by-a-list",
        ),
        pytest.param(
            "if not all(os.getenv(n) for n in ('A', 'B')):\n  raise RuntimeError",
            {"A": True, "B": True},
            id="guarded-by-all",
        ),
        pytest.param("X = int(os.getenv('A'))", {"A": True}, id="int-of-nothing"),
        pytest.param("X = int(os.getenv('A', '1'))", {"A": False}, id="int-of-default"),
        pytest.param("X = os.getenv('A').split(',')", {"A": True}, id="split-of-nothing"),
        pytest.param(
            "try:\n  X = int(os.getenv('A'))\nexcept (TypeError, ValueError):\n  X = 1",
            {"A": False},
            id="int-of-nothing-caught",
        ),
        pytest.param(
            "try:\n  X = os.environ['A']\nexcept KeyError:\n  X = 'b'", {"A": False}, id="caught"
        ),
        pytest.param(
            "try:\n  X = os.environ['A']\nexcept KeyError as e:\n  raise RuntimeError from e",
            {"A": True},
            id="caught-and-raised",
        ),
        pytest.param(
            "try:\n  X = os.environ['A']\nexcept ImportError:\n  pass", {"A": True}, id="not-caught"
        ),
        pytest.param(
            "from contextlib import suppress\nwith suppress(KeyError):\n  X = os.environ['A']",
            {"A": False},
            id="suppressed",
        ),
        pytest.param(
            "def g(n):\n  try:\n    return os.environ[n]\n  except KeyError:\n    raise E(n)"
            "\nX = g('A')\nY = g('B')",
            {"A": True, "B": True},
            id="helper-that-raises",
        ),
        pytest.param(
            "def g(n, d=None):\n  v = os.getenv(n, d)\n  if v is None:\n    raise RuntimeError(n)\n"
            "  return v\nX = g('A')\nY = g('B', 'c')",
            {"A": True, "B": False},
            id="helper-with-default",
        ),
    ],
)
def test_required_variables(tmp_path: Path, text: str, expected: dict[str, bool]) -> None:
    assert variables(tmp_path, text) == expected


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param("X = os.environ['A']", "text", id="text"),
        pytest.param("X = int(os.environ['A'])", "number", id="int"),
        pytest.param(DJANGO_ENVIRON + "X = env.int('A')", "number", id="environ-int"),
        pytest.param(DJANGO_ENVIRON + "X = env('A', cast=int)", "number", id="environ-cast"),
        pytest.param(DECOUPLE + "X = config('A', cast=bool)", "flag", id="decouple-cast"),
        pytest.param(DJANGO_ENVIRON + "X = env.db('A')", "database", id="db"),
        pytest.param(DJANGO_ENVIRON + "X = env.email_url('A')", "email", id="email"),
        pytest.param("import json\nX = json.loads(os.environ['A'])", "json", id="json"),
        pytest.param(
            "import dj_database_url\nX = dj_database_url.parse(os.environ['A'])",
            "database",
            id="dj",
        ),
        pytest.param(
            DECOUPLE + "import dj_database_url as d\nX = config('A', cast=d.parse)",
            "database",
            id="decouple-dj",
        ),
    ],
)
def test_kinds_of_variables(tmp_path: Path, text: str, kind: str) -> None:
    found = read(tmp_path, {"mysite/settings.py": f"import os\n{text}"})
    assert [item.kind for item in found.variables] == [kind]


@pytest.mark.parametrize(
    ("text", "choices"),
    [
        pytest.param(
            "E = os.environ['A']\nif E == 'dev':\n  X = 1\nelif E in ('prod', 'test'):\n  X = 2",
            ("dev", "prod", "test"),
            id="comparisons",
        ),
        pytest.param("X = {'dev': 1, 'prod': 2}[os.environ['A']]", ("dev", "prod"), id="dict"),
    ],
)
def test_choices_of_variable(tmp_path: Path, text: str, choices: tuple[str, ...]) -> None:
    found = read(tmp_path, {"mysite/settings.py": f"import os\n{text}"})
    assert [item.choices for item in found.variables] == [choices]


def test_variable_is_listed_once_with_requiring_line(tmp_path: Path) -> None:
    text = "import os\nA = os.getenv('A')\nB = os.environ['A']\nC = os.environ['A']\n"
    found = read(tmp_path, {"mysite/settings.py": text})
    assert found.variables == (Variable("A", True, "mysite/settings.py:3"),)


@pytest.mark.parametrize(
    ("text", "required"),
    [
        (DJANGO_ENVIRON + "SECRET_KEY = env('KEY', default=None)", True),
        (DECOUPLE + "SECRET_KEY = config('KEY', default='')", True),
        ("SECRET_KEY = os.getenv('KEY')", True),
        ("SECRET_KEY = os.getenv('KEY') or 'dev'", False),
        ("SECRET_KEY = os.getenv('KEY', 'dev')", False),
        ("OTHER = os.getenv('KEY')", False),
    ],
)
def test_secret_key_without_a_usable_default_is_required(
    tmp_path: Path, text: str, required: bool
) -> None:
    assert variables(tmp_path, text) == {"KEY": required}


def test_source_of_variable_read_by_helper(tmp_path: Path) -> None:
    files = {
        "mysite/env.py": "import os\ndef get(name):\n  return os.environ[name]\n",
        "mysite/settings.py": "from mysite.env import get\n\nKEY = get('A')\n",
    }
    assert read(tmp_path, files).variables == (Variable("A", True, "mysite/settings.py:3"),)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param("SECRET_KEY = os.environ['KEY']", "KEY", id="environ"),
        pytest.param("SECRET_KEY = os.getenv('KEY', 'insecure')", "KEY", id="optional"),
        pytest.param("SECRET_KEY = (os.getenv('KEY') or 'dev').strip()", "KEY", id="or"),
        pytest.param("key = os.environ['KEY']\nSECRET_KEY = key", "KEY", id="by-a-name"),
        pytest.param("SECRET_KEY = f\"{os.environ['KEY']}\"", "KEY", id="f-string"),
        pytest.param(DJANGO_ENVIRON + "SECRET_KEY = env('DJANGO_KEY')", "DJANGO_KEY", id="django"),
        pytest.param(DECOUPLE + "SECRET_KEY = config('KEY')", "KEY", id="decouple"),
        pytest.param(
            ENVIRONS + "with env.prefixed('D_'):\n  SECRET_KEY = env('KEY')", "D_KEY", id="environs"
        ),
        pytest.param(
            "def g(n):\n  try:\n    return os.environ[n]\n  except KeyError:\n    raise E\n"
            "SECRET_KEY = g('KEY')",
            "KEY",
            id="helper",
        ),
        pytest.param(
            "D = os.getenv('DEBUG')\nSECRET_KEY = 'dev' if D else os.environ['KEY']",
            "KEY",
            id="debug",
        ),
        pytest.param(
            "if os.getenv('DEBUG'):\n  SECRET_KEY = 'dev'\nelse:\n  SECRET_KEY = os.environ['KEY']",
            "KEY",
            id="branch",
        ),
        pytest.param("SECRET_KEY = 'django-insecure'", None, id="constant"),
        pytest.param("SECRET_KEY = open(os.environ['KEY_FILE']).read()", None, id="file"),
        pytest.param("", None, id="none"),
    ],
)
def test_secret_key_variable(tmp_path: Path, text: str, name: str | None) -> None:
    found = secret_key(read(tmp_path, {"mysite/settings.py": f"import os\n{text}"}))
    assert (found.name if found else None) == name
