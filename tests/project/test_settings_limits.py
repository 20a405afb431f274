"""Settings that are made to take long: evaluating them ends, without an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.errors import BuildstaticError
from buildstatic.project.detect import detect
from tests.limits import run_limited
from tests.project.tree import evaluated, project, read

pytestmark = pytest.mark.limited
LOOPS = "\n".join(f"{' ' * n}for a{n} in range_:" for n in range(12))
CALLS = "\n".join(f"def f{n}(x):\n    return f{n + 1}(f{n + 1}(x)), f{n + 1}(x)" for n in range(20))
ELIFS = "if A:\n    X = 0\n" + "".join(f"elif A == {n}:\n    X = {n}\n" for n in range(900))
NAMES = "\n".join(f"A{n} = {n}" for n in range(1500))
BRANCHES = "\n".join(f"if E('V{n}'):\n    X{n} = [E('W{n}')]" for n in range(900))
OS = "import os\nE = os.environ.get\n"
PATHS = "from pathlib import Path\nP = Path('/a')\n"
TEXTS = {
    "loops": f"range_ = {list(range(50))}\n{LOOPS}\n{' ' * 12}pass\n",
    "paths": PATHS + "P = P / P\n" * 3000,
    "parents": PATHS + f"P = P / '{'a/' * 4000}'\nX = [P.parents, P.parents, P.parents]\n" * 300,
    "nested lists": "X = []\n" + "X = [X]\n" * 5000,
    "nested dicts": "X = {}\n" + "X['a'] = X\n" * 5000,
    "doubled lists": "X = ['a']\n" + "X = [X, X]\n" * 500 + "X += X\n" * 500,
    "merged lists": OS
    + "\n".join(
        f"if E('A{n}'):\n    X = [[i, {n}] for i in {list(range(50))}]" for n in range(250)
    ),
    "huge integers": f"N = 0x{'f' * 9000}\nX = f'{{N}}' + '%d' % N\nY = float(N)\nZ = str(N)\n",
    "powers": "X = 10 ** 10 ** 10\nY = 1 << 10 ** 12\nZ = 'a' * 10 ** 12\n",
    "odd operands": "X = '%d' % 'a'\nY = '%s %s' % ('a',)\nZ = '%(a)s' % {}\nW = '%d' % 1e999\n",
    "replaced text": f"X = '{'a' * 9999}'\n" + "Y = X.replace('a', X)\n" * 50,
    "joined text": f"A = '{'a' * 9999}'\nX = A.join([A, A] * 1)\nY = A.join(A.split('a'))\n" * 20,
    "recursion": "def f(x):\n    return f(x) + f([x])\nX = f(1)\n",
    "call graph": f"{CALLS}\ndef f20(x):\n    return x\nX = f0(1)\n",
    "elif chain": ELIFS,
    "operators": f"X = {'1 + ' * 3000}1\n",
    "attributes": f"X = a{'.b' * 3000}\n",
    "subscripts": f"X = {{}}\nX{'[0]' * 900} = 1\n",
    "branches": OS + BRANCHES,
    "names in branches": OS + NAMES + "\n" + BRANCHES,
    "reads": OS + "X = ''\n" + "\n".join(f"X = X + E('V{n}', '')" for n in range(2500)),
    "comparisons": OS + "\n".join(f"X = E('A') == 'v{n}'" for n in range(2500)),
    "classes": "class C0:\n    a = 1\n"
    + "\n".join(f"class C{n + 1}(C{n}):\n    a{n} = {n}" for n in range(3000)),
    "decorators": f"class C:\n    @{'a.' * 900}property\n    def p(self):\n        return 1\n"
    + "X = C().p\n" * 900,
    "__all__": "from .more import *\n",
    "includes": "from split_settings.tools import include\ninclude('" + "*/" * 20 + "*.py')\n",
    "a null byte": "STATIC_ROOT = 'a\\0b'\nSTATIC_URL = '\\ud800'\nX = 'a\\0b'\n",
    "long names": f"STATIC_ROOT = '{'a' * 5000}'\nMEDIA_ROOT = STATIC_ROOT\n"
    "LOGGING = {'handlers': {'f': {'class': 'logging.FileHandler', 'filename': STATIC_ROOT}}}\n"
    "STATICFILES_DIRS = [STATIC_ROOT]\nTEMPLATES = [{'DIRS': [STATIC_ROOT]}]\n"
    "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': STATIC_ROOT}}\n"
    "ROOT_URLCONF = WSGI_APPLICATION = STATIC_ROOT\nINSTALLED_APPS = [STATIC_ROOT]\n",
    "unhashable": "X = {}\nX[[1]] = {[]: 1, {}: 2}\nX = {**X, **[]}\nY = [*{}]\nZ = X[1:'a']\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_evaluating_ends(tmp_path: Path, text: str) -> None:
    project(tmp_path, {"mysite/settings.py": text, "mysite/more.py": "__all__ = [{}, []]\n"})
    for name in "abc":
        (tmp_path / "mysite" / name).symlink_to(".")

    def evaluate() -> None:
        try:
            detect(tmp_path)
        except BuildstaticError as error:
            print(error)

    run_limited(evaluate)


def test_chain_of_modules_ends(tmp_path: Path) -> None:
    modules = {f"mysite/m{n}.py": f"from .m{n + 1} import *\nX{n} = {n}\n" for n in range(2000)}
    project(tmp_path, {**modules, "mysite/settings.py": "from .m0 import *\n"})
    run_limited(lambda: detect(tmp_path))


def test_settings_that_take_too_long_are_unknown_and_noted(tmp_path: Path) -> None:
    project(tmp_path, {"mysite/settings.py": f"STATIC_ROOT = 'a'\n{TEXTS['loops']}"})
    found = detect(tmp_path)
    assert found.static_root is None
    assert [note for note in found.notes if "takes too long to evaluate" in note]


def test_include_does_not_leave_the_project(tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text("X = 1\n")
    text = "from split_settings.tools import include\nX = 0\ninclude('../../outside.py')\n"
    assert evaluated(tmp_path / "site", text) == 0
    assert not read(tmp_path / "site", {}).complete
