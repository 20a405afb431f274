"""Values of settings, by static evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.errors import ConfigInvalid
from buildstatic.project.settings import UNKNOWN
from tests.project.tree import evaluated, read, write

INSIDE = "/<root>"
BASE = "from pathlib import Path\nBASE_DIR = Path(__file__).resolve().parent.parent\n"
STAR = "from .base import *"
OS = "import os\nBASE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))\n"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(BASE + 'X = BASE_DIR / "a" / "b"', id="pathlib"),
        pytest.param(BASE + 'X = BASE_DIR.joinpath("a", "b")', id="joinpath"),
        pytest.param(BASE + 'X = str(BASE_DIR / "a/b")', id="str"),
        pytest.param(BASE + 'X = (BASE_DIR / "a/b").as_posix()', id="as-posix"),
        pytest.param(BASE + 'X = Path(BASE_DIR, "a", "b")', id="path-with-two-arguments"),
        pytest.param(BASE + 'X = BASE_DIR / "a" / ".." / "a" / "b"', id="dots"),
        pytest.param(BASE + 'X = f"{BASE_DIR}/a/b"', id="f-string"),
        pytest.param(BASE + 'X = "%s/a/%s" % (BASE_DIR, "b")', id="percent"),
        pytest.param(BASE + 'X = "{}/a/{name}".format(BASE_DIR, name="b")', id="format"),
        pytest.param(BASE + 'X = Path(__file__).parents[1] / "a" / "b"', id="parents"),
        pytest.param(
            "import pathlib\nX = pathlib.Path(__file__).parent.parent / 'a/b'", id="module"
        ),
        pytest.param(OS + 'X = os.path.join(BASE, "a", "b")', id="os-path"),
        pytest.param(OS + 'X = BASE + "/a" + os.sep + "b"', id="plus"),
        pytest.param(
            "from os.path import dirname, join, realpath as r\n"
            "X = join(dirname(dirname(r(__file__))), 'a', 'b')",
            id="os-path-names",
        ),
        pytest.param(
            "import os\nX = os.path.normpath(os.path.join(os.path.dirname(__file__), '..', 'a/b'))",
            id="normpath",
        ),
        pytest.param("import environ\nX = (environ.Path(__file__) - 2)('a', 'b')", id="environ"),
        pytest.param(
            "import environ\nR = environ.Path(__file__) - 2\nX = str(R.path('a').path('b'))",
            id="environ-path",
        ),
        pytest.param("import os\nX = os.path.abspath('a/b')", id="from-manage-py"),
    ],
)
def test_path_expressions(tmp_path: Path, text: str) -> None:
    found = str(evaluated(tmp_path, text)).replace("/a/../a/", "/a/")
    assert found == f"{INSIDE}/a/b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("X = 1\nX = 2", 2, id="last-assignment"),
        pytest.param("X: str = 'a'", "a", id="annotated"),
        pytest.param("A, X = 1, 2", 2, id="unpacked"),
        pytest.param("A = X = 3", 3, id="chained"),
        pytest.param("X = ['a']\nX += ['b']\nX.append('c')", ("a", "b", "c"), id="list"),
        pytest.param("X = ('a',) + ('b',)", ("a", "b"), id="tuples"),
        pytest.param("A = ['a']\nX = [*A, 'b']", ("a", "b"), id="starred"),
        pytest.param("X = ['a', 'b']\nX.insert(1, 'c')", ("a", "c", "b"), id="insert"),
        pytest.param("X = ['a', 'b']\nX.remove('a')", ("b",), id="remove"),
        pytest.param("X = ['a', 'c']\nX = X[:1] + ['b'] + X[1:]", ("a", "b", "c"), id="slices"),
        pytest.param("X = ['a']\nX[1:1] = ['b']", ("a", "b"), id="slice-assigned"),
        pytest.param("X = {'a': 1}\nX['b'] = 2", {"a": 1, "b": 2}, id="dict-item"),
        pytest.param("X = {'a': 1}\nX.update({'b': 2})", {"a": 1, "b": 2}, id="dict-update"),
        pytest.param("X = dict(a=1)\nX |= {'b': 2}", {"a": 1, "b": 2}, id="dict-or"),
        pytest.param("A = {'a': 1}\nX = {**A, 'b': 2}", {"a": 1, "b": 2}, id="dict-spread"),
        pytest.param("X = {}\nX['a'] = {}\nX['a']['b'] = 1", {"a": {"b": 1}}, id="nested"),
        pytest.param("X = [{'a': 1}]\nX[0]['b'] = 2", ({"a": 1, "b": 2},), id="dict-in-list"),
        pytest.param("globals()['X'] = 1", 1, id="globals"),
        pytest.param("X = 'A b'.lower().replace(' ', '-')", "a-b", id="text-methods"),
        pytest.param("X = 'a,b'.split(',')", ("a", "b"), id="split"),
        pytest.param("X = ','.join(['a', 'b'])", "a,b", id="join"),
        pytest.param("X = 'a' if 1 == 1 else 'b'", "a", id="choice"),
        pytest.param("X = None or 'a'", "a", id="or"),
        pytest.param("X = []\nfor n in ('a', 'b'):\n  X.append(n + '!')", ("a!", "b!"), id="loop"),
        pytest.param("def f(a, *, b='c'):\n  return a + b\nX = f('x')", "xc", id="function"),
        pytest.param(
            "def f(*a, **k):\n  return a[0] + k['z']\nX = f('x', z='y')", "xy", id="stars"
        ),
        pytest.param("class A:\n  B = 1\nX = A.B", 1, id="class-attribute"),
        pytest.param("if (Y := 2) == 2:\n  X = Y", 2, id="walrus"),
        pytest.param("X = 1\ndel X", None, id="deleted"),
        pytest.param("import sys\nX = 'test' in sys.argv", False, id="sys-argv"),
        pytest.param("import sys\nX = sys.argv[1:2] == ['test']", False, id="sys-argv-slice"),
        pytest.param(
            "import sys\nX = len(sys.argv) > 1 and sys.argv[1] == 't'", False, id="sys-argv-length"
        ),
        pytest.param("import os\nX = os.name == 'nt'", False, id="posix"),
        pytest.param("X = [a + '!' for a in ('b', '') if a]", ("b!",), id="list-comprehension"),
        pytest.param("X = {a: 1 for a in ('b', 'c')}", {"b": 1, "c": 1}, id="dict-comprehension"),
        pytest.param("X = any(a for a in ('b', ''))", True, id="any"),
        pytest.param("X = sorted(a for a, b in {'c': 1}.items())", ("c",), id="items"),
        pytest.param("class A:\n  B = 1\nX = getattr(A, 'B', 2)", 1, id="getattr"),
        pytest.param("class A:\n  B = 1\nX = getattr(A, 'C', 2)", 2, id="getattr-default"),
        pytest.param("import os\nX = os.path.exists('no-such-file')", False, id="not-a-file"),
        pytest.param(BASE + "X = (BASE_DIR / 'no').exists()", False, id="not-a-path"),
        pytest.param("X = __name__ == '__main__'", False, id="imported"),
    ],
)
def test_known_values(tmp_path: Path, text: str, expected: object) -> None:
    assert evaluated(tmp_path, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("import x\nX = x.find()", id="call"),
        pytest.param("X = open('f').read()", id="file"),
        pytest.param("X = 2 ** 10 ** 10", id="power"),
        pytest.param("X = 'a' * 10 ** 10", id="repetition"),
        pytest.param("X = '%999999999d' % 1", id="wide"),
        pytest.param("X = '{:>999999999}'.format(1)", id="wide-format"),
        pytest.param("X = f'{1:>999999999}'", id="wide-f-string"),
        pytest.param("def f():\n  return f()\nX = f()", id="recursion"),
        pytest.param("X = " + " + ".join(["'a'"] * 600), id="very-long"),
        pytest.param("X = [a for a in 'b']", id="comprehension"),
        pytest.param("X = [a for a in ('b',) if unknown(a)]", id="unknown-condition"),
        pytest.param("import os\nX = os.path.exists('mysite')", id="file-that-may-be-left-out"),
        pytest.param("X = 'a'[5]", id="index-error"),
        pytest.param("X = 'a' / 2", id="type-error"),
        pytest.param("import sys\nX = 'collectstatic' in sys.argv", id="build-or-not"),
        pytest.param("X = ''.join([object()])", id="join-of-objects"),
        pytest.param("X = int('x')", id="value-error"),
    ],
)
def test_unknown_values(tmp_path: Path, text: str) -> None:
    assert evaluated(tmp_path, text) is UNKNOWN


@pytest.mark.parametrize(
    "line",
    [
        "X = X + X",
        "X += X",
        "X = [*X, *X]",
        "X.extend(X)",
        "S = S + S",
        "S = f'{S}{S}'",
        "S = S.replace('a', S)",
        "S = S.join([S, S])",
    ],
)
def test_values_that_grow_become_unknown(tmp_path: Path, line: str) -> None:
    lines = "\n".join([line] * 100)
    found = evaluated(tmp_path, f"X = ['a']\nS = 'aa'\n{lines}\n", line[0])
    assert found is UNKNOWN or (isinstance(found, tuple) and set(found) == {UNKNOWN})


@pytest.mark.parametrize("line", ["X = [X, X]", "X = {'a': X, 'b': X}", "X.append(X)"])
def test_nested_values_are_limited(tmp_path: Path, line: str) -> None:
    lines = "\n".join([line] * 100)
    text = f"import os\nX = ['a']\n{lines}\nif os.getenv('A'):\n  X = [X]\n"
    value = read(tmp_path, {"mysite/settings.py": text}).get("X")
    assert value is not None
    assert value.size <= 20_000


@pytest.mark.parametrize(
    ("text", "expected", "line"),
    [
        pytest.param("if DEBUG:\n  X = 'a'", "a", 2, id="in-one-branch"),
        pytest.param("if not DEBUG:\n  pass\nelse:\n  X = 'a'", "a", 4, id="in-else"),
        pytest.param("if DEBUG:\n  X = 'a'\nelse:\n  X = 'b'", UNKNOWN, 4, id="in-both"),
        pytest.param("if DEBUG:\n  X = 'a'\nelse:\n  X = 'a'", "a", 4, id="in-both-equal"),
        pytest.param("X = 'a'\nif DEBUG:\n  X = 'b'", UNKNOWN, 3, id="overridden-in-one"),
        pytest.param("X = 'a' if DEBUG else 'b'", UNKNOWN, 1, id="expression"),
        pytest.param("X = DEBUG and 'a' or 'b'", UNKNOWN, 1, id="and-or"),
        pytest.param(
            "if 'A' in os.environ:\n  X = 'a'\nelse:\n  X = 'b'", UNKNOWN, 4, id="environ"
        ),
        pytest.param("if unknown():\n  X = 'a'\nelse:\n  X = 'b'", UNKNOWN, 4, id="unknown"),
        pytest.param("X = ['a']\nif DEBUG:\n  X += ['b']", ("a", "b"), 3, id="lists-are-joined"),
        pytest.param(
            "match os.environ['E']:\n  case 'p':\n    X = 'a'\n  case _:\n    X = 'b'",
            UNKNOWN,
            5,
            id="match",
        ),
    ],
)
def test_branches_that_depend_on_environment_are_merged(
    tmp_path: Path, text: str, expected: object, line: int
) -> None:
    text = f"import os\nDEBUG = os.environ.get('DEBUG') == '1'\n{text}"
    value = read(tmp_path, {"mysite/settings.py": text}).get("X")
    assert value is not None
    assert evaluated(tmp_path, text) == expected
    assert value.source == f"mysite/settings.py:{line + 2}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("D = False\nif D:\n  X = 'a'\nelse:\n  X = 'b'", "b", id="both"),
        pytest.param("D = False\nX = 'a'\nif D:\n  X = 'b'", "a", id="not-overridden"),
        pytest.param("D = True\nif not D:\n  X = 'a'", "a", id="only-in-branch-not-taken"),
        pytest.param("if False:\n  raise E\nX = 'a'", "a", id="raise-not-reached"),
    ],
)
def test_branches_that_depend_on_constants(tmp_path: Path, text: str, expected: object) -> None:
    assert evaluated(tmp_path, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("X = os.environ.get('X', 'a')", id="get"),
        pytest.param("X = os.getenv('X', default='a')", id="getenv"),
        pytest.param("X = os.environ.get('X') or 'a'", id="or"),
        pytest.param("X = os.environ['X'] if 'X' in os.environ else 'a'", id="in"),
        pytest.param("X = os.environ['X'] if os.getenv('X') else 'a'", id="if-get"),
        pytest.param("X = 'a'\nif 'X' in os.environ:\n  X = os.environ['X']", id="if-in"),
        pytest.param("try:\n  X = os.environ['X']\nexcept KeyError:\n  X = 'a'", id="except"),
        pytest.param("X = 'a'\ntry:\n  X = os.environ['X']\nexcept KeyError:\n  pass", id="pass"),
        pytest.param("os.environ.setdefault('X', 'a')\nX = os.environ['X']", id="setdefault"),
        pytest.param(
            "import environ\nenv = environ.Env()\nX = env('X', default='a')", id="environ"
        ),
        pytest.param("import environ\nenv = environ.Env(X=(str, 'a'))\nX = env('X')", id="scheme"),
        pytest.param("import environ\nX = environ.Env().str('X', 'a')", id="environ-str"),
        pytest.param("from environs import Env\nX = Env()('X', 'a')", id="environs"),
        pytest.param("from decouple import config as c\nX = c('X', default='a')", id="decouple"),
        pytest.param("from environs import env\nX = env.str('X', 'a')", id="environs-env"),
        pytest.param(
            "def g(n, d=None):\n  return os.environ.get(n, d)\nX = g('X', 'a')", id="helper"
        ),
        pytest.param(
            "def g(n, d=None):\n  v = os.environ.get(n)\n  if v is None:\n    return d\n"
            "  return v\nX = g('X', 'a')",
            id="helper-with-return",
        ),
        pytest.param(
            "def g(n, d=None):\n  try:\n    return os.environ[n]\n  except KeyError:\n"
            "    if d is None:\n      raise\n    return d\nX = g('X', d='a')",
            id="helper-with-try",
        ),
    ],
)
def test_default_of_variable_is_used(tmp_path: Path, text: str) -> None:
    assert evaluated(tmp_path, f"import os\n{text}") == "a"


@pytest.mark.parametrize(
    ("settings", "others"),
    [
        pytest.param("from .base import *", {"mysite/base.py": "X = 'a'"}, id="relative"),
        pytest.param("from mysite.base import *", {"mysite/base.py": "X = 'a'"}, id="absolute"),
        pytest.param("from .base import X", {"mysite/base.py": "X = 'a'"}, id="by-name"),
        pytest.param("from . import base\nX = base.X", {"mysite/base.py": "X = 'a'"}, id="module"),
        pytest.param(
            "import mysite.base as b\nX = b.X", {"mysite/base.py": "X = 'a'"}, id="import-as"
        ),
        pytest.param("from . import *", {"mysite/__init__.py": "X = 'a'"}, id="package"),
        pytest.param("from ..conf import *", {"conf.py": "X = 'a'"}, id="two-up"),
        pytest.param("from conf.base import *", {"src/conf/base.py": "X = 'a'"}, id="src"),
        pytest.param(
            "from .a import *",
            {"mysite/a.py": "from .b import *", "mysite/b.py": "X = 'a'"},
            id="chain",
        ),
        pytest.param(
            "X = 'a'\nfrom .a import *",
            {"mysite/a.py": "from .settings import *\nY = 1"},
            id="circle",
        ),
        pytest.param(
            "from .a import *\nX = _X", {"mysite/a.py": "__all__ = ['_X']\n_X = 'a'"}, id="all"
        ),
        pytest.param(
            "from split_settings.tools import include, optional\n"
            "include('parts/*.py', optional('local.py'))",
            {"mysite/parts/base.py": "X = 'a'"},
            id="split-settings",
        ),
        pytest.param(
            "X = 'a'\ntry:\n  from .local import *\nexcept ImportError:\n  pass", {}, id="no-local"
        ),
        pytest.param(
            "X = 'b'\ntry:\n  from .local import *\nexcept ImportError:\n  pass",
            {"mysite/local.py": "X = 'a'"},
            id="local",
        ),
        pytest.param(
            "X = 'a'\nimport os\nif os.path.exists('mysite/local.py'):\n  from .local import *",
            {},
            id="no-local-by-exists",
        ),
        pytest.param(
            "try:\n  from .local import *\nexcept ImportError:\n  from .prod import *",
            {"mysite/prod.py": "X = 'a'"},
            id="the-other-module",
        ),
        pytest.param("from elsewhere import *\nX = 'a'", {}, id="installed"),
    ],
)
def test_imports_of_project_modules(tmp_path: Path, settings: str, others: dict[str, str]) -> None:
    write(tmp_path, others)
    assert evaluated(tmp_path, settings) == "a"


def test_include_reads_each_file_once(tmp_path: Path) -> None:
    include = "from split_settings.tools import include\n"
    parts = {"mysite/a.py": "X = ['a']", "mysite/b.py": f"X.append('b')\n{include}include('*.py')"}
    write(tmp_path, parts)
    text = f"{include}include('*.py', 'a.py', '/dev/zero', '../nowhere.py')\nX.append('c')\n"
    assert evaluated(tmp_path, text) == ("a", "b", "c")


def test_include_in_module_that_is_read_twice(tmp_path: Path) -> None:
    include = "from split_settings.tools import include\ninclude('parts/*.py')\n"
    write(tmp_path, {"mysite/base.py": include, "mysite/parts/a.py": "X = 'a'"})
    text = "import os\nif os.environ.get('A'):\n  from .base import *\nfrom .base import *\n"
    assert evaluated(tmp_path, text) == "a"


def test_star_import_skips_private_names(tmp_path: Path) -> None:
    write(tmp_path, {"mysite/base.py": "_X = 'a'"})
    assert evaluated(tmp_path, "from .base import *", "_X") is None


def test_values_have_source_lines(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {
            "mysite/base.py": "\n\nA = (\n  'x'\n)\n",
            "mysite/settings.py": "from .base import *\nB = A",
        },
    )
    sources = {name: value.source for name, value in found.names.items() if name in "AB"}
    assert sources == {"A": "mysite/base.py:3", "B": "mysite/settings.py:2"}


def test_invalid_helper_module_is_unknown(tmp_path: Path) -> None:
    write(tmp_path, {"mysite/helpers.py": "def broken(:"})
    assert evaluated(tmp_path, "from .helpers import x\nX = x()") is UNKNOWN


def test_invalid_settings_are_an_error_with_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match=r"^mysite/base.py:2: not valid Python"):
        read(
            tmp_path,
            {"mysite/base.py": "A = 1\nB = (", "mysite/settings.py": "from .base import *"},
        )


def test_configurations_classes_are_not_read(tmp_path: Path) -> None:
    text = (
        "from configurations import Configuration, values\nclass Dev(Configuration):\n"
        "  DEBUG = values.BooleanValue(True)\n  SECRET_KEY = values.SecretValue()\n"
        "  @property\n  def STATIC_ROOT(self):\n    return self.BASE_DIR / 'static'\n"
    )
    assert evaluated(tmp_path, text, "STATIC_ROOT") is None


def test_path_by_variable_or_default(tmp_path: Path) -> None:
    text = (
        "import os\nfrom pathlib import Path\ndef g(n, d):\n  if n not in os.environ:\n"
        "    return Path(d).resolve()\n  return Path(os.environ[n]).resolve()\nX = g('X', '/a')"
    )
    assert str(evaluated(tmp_path, text)) == "/a"


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        pytest.param("import os\nif os.path.exists('no.py'):\n  from no import *", True, id="no"),
        pytest.param("import d\nd.DjangoDynaconf(__name__)", False, id="dynaconf"),
        pytest.param("from d import D\ns = D(__name__, env='X')", False, id="by-name"),
        pytest.param("import h\nh.settings(locals())", False, id="locals"),
        pytest.param("globals().update(load())", False, id="globals"),
        pytest.param("__getattr__, __dir__ = Settings.use()", False, id="dir"),
        pytest.param("import logging\nlogging.getLogger(__name__)", True, id="logger"),
        pytest.param(
            "class A:\n  @classmethod\n  def load(cls, name): pass\nA.load(__name__)",
            False,
            id="own-classes",
        ),
    ],
)
def test_names_that_cannot_be_seen(tmp_path: Path, text: str, complete: bool) -> None:
    assert read(tmp_path, {"mysite/settings.py": text}).complete is complete


def test_representation_of_values_is_short(tmp_path: Path) -> None:
    text = "class A:\n  def f(self):\n    return 1\nX = A().f\nY = A\n"
    found = read(tmp_path, {"mysite/settings.py": text})
    assert all(len(repr(value)) < 300 for value in found.names.values())


@pytest.mark.parametrize(
    ("url", "engine", "name"),
    [
        ("postgres://u:p@host:5432/shop?sslmode=require", "django.db.backends.postgresql", "shop"),
        ("sqlite:////data/db.sqlite3", "django.db.backends.sqlite3", "/data/db.sqlite3"),
        ("postgis://host/shop", "django.contrib.gis.db.backends.postgis", "shop"),
    ],
)
def test_database_of_default_url(tmp_path: Path, url: str, engine: str, name: str) -> None:
    text = f"import dj_database_url\nX = dj_database_url.config(default='{url}')"
    assert evaluated(tmp_path, text) == {"ENGINE": engine, "NAME": name}
