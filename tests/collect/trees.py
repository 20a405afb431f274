"""Trees of static files that refer to one another, made by hypothesis in every shape there is."""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

from hypothesis import strategies as st

from tests.collect.inprocess import STATIC_URL

DIRECTORIES = ("", "css", "js", "css/deep", "a b", "é", "x/y/z", "js.d")
STEMS = ("a", "b", "c", "d", "site.min", "a b", "ü", "A", "a.0cc175b9c0f1", "+q")
# Names that are read as something else when they are taken for a URL.
RARE_DIRECTORIES = ("50%", "%20", "a%20b", " x", "h#ash", "..%2Fup")
RARE_STEMS = (
    *("h#ash", "que?ry", "100%", "%41", " lead", "p(1)", 'q"', "x:y", "~t", "İK", "a%20b", "x&y;z"),
    *("+q'", "%2e%2e", "css%2Fa", "a%2520b", "[", "trail "),
)
TEXTS = (".css", ".css", ".css", ".js")
OTHERS = (".png", ".eot", ".css.map", ".js.map", ".txt", "", ".CSS", ".svg", ".min.css")
# Text that says nothing, or nearly a reference.
NOISE = (
    *("body { color: red }\n", "\r\n", "/* a comment */\n", "// one\n", "é ü ☃\n", "'str'\n"),
    *('"url(', "/* ", " */\n", "\\", "`", "url()\n", "url('')\n", '@import "";\n', "curly(x)\n"),
    *(
        "import x from 'lib';\n",
        "export {a};\n",
        "\u017frc url",
        "\ufeff",
        "\x00",
        "\x0c",
        "\u2028",
    ),
)
# What no file has to be there for.
ELSEWHERE = (
    *("data:image/png;base64,AA==", "//host/a.png", "http://host/a.css", "HTTP://host/a.css"),
    *("#only", "/elsewhere/a.png", "/static", "/static/", "about:blank", "?", "?query"),
    *("a/", "../", ".", "..", "./", "css", "%23x", "#a/b/", "css/deep/", "/static/css", "%2e"),
)
BROKEN = (
    *("missing.png", "../missing.css", "/static/missing.js", "a.png ", " a.css", "missing.css.map"),
    *(
        "../../../../outside.png",
        "/static//etc/hosts",
        "[",
        "//[",
        "%00",
        "css%2Fa.css",
        "a\\b.css",
    ),
    *("left/over.css", "left/over.png", "/static/left/over.0123456789ab.css", "left", "left/"),
    *("x" * 300 + ".png", "missing.css?a#b", "%2e%2e/a.css", "%252e%252e/a.css", "css//a.css"),
)
WAYS = (
    *("url({})", "url({})", "url('{}')", 'url("{}")', "URL({})", "url( {})", 'url( "{}" )'),
    *(
        '@import "{}";',
        "@import '{}';",
        "@IMPORT\t'{}' screen;",
        "@import url({});",
        "/* url({}) */",
    ),
    *("\n/*# sourceMappingURL={} */\n", "\n//# sourceMappingURL={}\n", "// url({})\n", "'url({})'"),
    *(
        "import './{}';",
        "import {{ a,\n b }} from './{}';",
        "export * from './{}';",
        "import('{}')",
    ),
    *("src({})", "href={} ", "<{}>"),
)
ODD_WAYS = (
    *("url('{}\")", "url( {} )", "url( '{}' )", "content: \"@import '{}'\";", "src({} )"),
    *(
        "\n/*# sourceMappingURL={}*/\r\n",
        "\n  //# sourceMappingURL={}\n",
        "\n//@ sourceMappingURL={}",
    ),
    *(
        'import * as x from "{}";',
        "import x from '{}' ;",
        "\u0131mport '{}';",
        "/* import '{}'; */",
    ),
    *(
        "export {{ x }} from '/static/{}'",
        "\n//# sourcemappingurl={}\n",
        "SRC({})",
        "\n//# sourceMappingURL={}",
    ),
    *("`import './{}';`", "\n//# sourceMappingURL={} \n", "/*# sourceMappingURL={} */"),
)
ENDINGS = ("", "", "", "", "#frag", "?v=1", "?#iefix", "?v=1#x", "#", "?", "#a/b", "?a/b", "?#a?b")


@dataclass(frozen=True)
class Tree:
    """Files by name; *prefixed* are those that another directory offers below ``pre/``.

    *left* is what an earlier collection has left; *edit* is a file and its next content.
    """

    files: Mapping[str, bytes]
    prefixed: Mapping[str, bytes]
    left: Mapping[str, bytes]
    edit: tuple[str, bytes]

    def write(self, directory: Path, prefixed: Path) -> None:
        write(directory, self.files)
        write(prefixed, self.prefixed)


def write(root: Path, files: Mapping[str, bytes], seconds: int = 1_600_000_000) -> None:
    """Write *files* below *root*, all of one time that is past."""
    root.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (seconds, seconds))


@dataclass(frozen=True)
class Spirit:
    """What a tree is made of: names that are *odd*, *bad* references, circles."""

    odd: bool
    bad: bool
    circular: bool


SPIRITS = st.sampled_from(
    (
        *[Spirit(odd=False, bad=False, circular=False)] * 6,
        Spirit(odd=True, bad=False, circular=False),
        Spirit(odd=True, bad=False, circular=False),
        Spirit(odd=False, bad=False, circular=True),
        Spirit(odd=False, bad=True, circular=False),
        Spirit(odd=True, bad=True, circular=True),
    )
)


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """Return a tree of up to fourteen files; most of them are ones that collect well."""
    spirit = draw(SPIRITS)
    names = draw(st.lists(_names(spirit), min_size=2, max_size=14, unique=True))
    names = _without_directories(names)
    contents: dict[str, bytes] = {}
    for position, name in enumerate(names):
        targets = names if spirit.circular else names[:position]
        contents[name] = draw(_contents(name, targets, contents, spirit))
    is_apart = draw(st.integers(0, 4)) == 0
    own = [n for n in names if n.startswith("css/")] if is_apart else []
    files = {n: c for n, c in contents.items() if n not in own}
    position = draw(st.integers(0, len(names) - 1))
    edited = names[position]
    edit = draw(_contents(edited, names[:position], contents, spirit))
    prefixed = {n.removeprefix("css/"): contents[n] for n in own}
    return Tree(files, prefixed, draw(_left()), ("" if edited in own else edited, edit))


def _names(spirit: Spirit) -> st.SearchStrategy[str]:
    stems = STEMS + RARE_STEMS if spirit.odd else STEMS
    directories = DIRECTORIES + RARE_DIRECTORIES if spirit.odd else DIRECTORIES
    suffixes = st.one_of(st.sampled_from(TEXTS), st.sampled_from(TEXTS), st.sampled_from(OTHERS))
    parts = st.tuples(st.sampled_from(directories), st.sampled_from(stems), suffixes)
    return parts.map(lambda part: posixpath.join(part[0], part[1] + part[2]))


def _without_directories(names: list[str]) -> list[str]:
    """Return *names* without those that are the directory of another."""
    parents = {str(parent) for name in names for parent in Path(name).parents}
    return [name for name in names if name not in parents]


@st.composite
def _contents(
    draw: st.DrawFn, name: str, targets: list[str], known: Mapping[str, bytes], spirit: Spirit
) -> bytes:
    if not name.endswith((".css", ".js", ".txt")):
        return draw(st.sampled_from((b"", b"a", b"one", b"two", b"\xff\x00")))
    if spirit.bad and draw(st.integers(0, 20)) == 0:
        return b"url(a.css)\n\xff\xfe url(b.css)"
    pieces = draw(st.lists(_pieces(name, targets, known, spirit), max_size=5))
    return "".join(pieces).encode()


@st.composite
def _pieces(
    draw: st.DrawFn, name: str, targets: list[str], known: Mapping[str, bytes], spirit: Spirit
) -> str:
    kind = draw(st.integers(0, 9))
    if kind == 0 or not targets:
        return draw(st.sampled_from(NOISE))
    if kind == 1:
        url = draw(st.sampled_from(BROKEN + ELSEWHERE if spirit.bad else ELSEWHERE[:12]))
    else:
        url = draw(_urls(name, targets, known, spirit))
    ways = WAYS + ODD_WAYS if spirit.odd else WAYS
    way: str = draw(st.sampled_from(ways))
    return way.format(url) + draw(st.sampled_from((" ", "\n", "\r\n", ";")))


@st.composite
def _urls(
    draw: st.DrawFn, name: str, targets: list[str], known: Mapping[str, bytes], spirit: Spirit
) -> str:
    target = draw(st.sampled_from(targets))
    if spirit.bad and target in known and draw(st.integers(0, 5)) == 0:
        target = fingerprinted(target, known[target])
    form = draw(st.integers(0, 5))
    path = posixpath.relpath("/" + target, "/" + posixpath.dirname(name))
    if form == 0:
        path = STATIC_URL + target
    elif form == 1:
        path = "./" + path
    elif form == 2 and "/" in name:
        path = posixpath.join("..", posixpath.basename(posixpath.dirname(name)), path)
    safe = draw(st.sampled_from(("/&;+'~?#%é ", "/"))) if spirit.odd else "/éü "
    ending: str = draw(st.sampled_from(ENDINGS))
    return quote(path, safe=safe) + ending


def fingerprinted(name: str, content: bytes) -> str:
    """Return *name* as it is called by *content*."""
    root, suffix = posixpath.splitext(name)
    return f"{root}.{hashlib.md5(content, usedforsecurity=False).hexdigest()[:12]}{suffix}"


@st.composite
def chains(draw: st.DrawFn) -> Tree:
    """Return files each of which refers to the next, at depths in any order.

    One that is met before what it refers to is settled one pass later.
    """
    depths = draw(st.permutations(range(draw(st.integers(2, 9)))))
    names = [f"{'d/' * depth}{depth}.css" for depth in depths]
    contents = {names[-1]: b"end"}
    for name, following in pairwise(names):
        url = posixpath.relpath("/" + following, "/" + posixpath.dirname(name))
        contents[name] = draw(st.sampled_from(("url({})", '@import "{}";'))).format(url).encode()
    return Tree(contents, {}, {}, ("", b""))


def _left() -> st.SearchStrategy[dict[str, bytes]]:
    some = {
        "left/over.css": b"left",
        "left/over.png": b"over",
        "left/over.0123456789ab.css": b"left over",
        "css/a.0cc175b9c0f1.png": b"a",
        "a.css": b"older",
        "staticfiles.json": b'{"version": "1.1", "paths": {"gone.css": "gone.1.css"}, "hash": "1"}',
    }
    return st.one_of(st.just({}), st.sampled_from((some, {k: some[k] for k in sorted(some)[3:]})))
