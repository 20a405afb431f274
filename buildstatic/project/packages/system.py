"""Debian packages that Python packages need: compilers and headers to build, libraries to run.

A row is for a package without wheels for Linux on PyPI, or with wheels that load a library of the
system. The names are those of Debian 12 and 13.
"""

from __future__ import annotations

from collections.abc import Iterable

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from buildstatic.project import Packages, SystemPackages

COMPILER = ("gcc", "libc6-dev")
CPP_COMPILER = (*COMPILER, "g++")
# pip.pypa.io/en/stable/topics/vcs-support
VCS_PACKAGES = {"git": "git", "hg": "mercurial", "svn": "subversion", "bzr": "brz"}
# Parts of Django that need more than Django itself.
GEODJANGO = "django.contrib.gis"
SPATIALITE = "django.contrib.gis.db.backends.spatialite"
_Row = tuple[tuple[str, ...], tuple[str, ...]]


def _built(*headers: str, run: tuple[str, ...] = ()) -> _Row:
    return (*COMPILER, *headers), run


# psycopg.org/docs/install.html, psycopg.org/psycopg3/docs/basic/install.html
_POSTGRESQL = _built("libpq-dev", run=("libpq5",))
# python-ldap.org/en/latest/installing.html; ldap-utils depends on the library, whose name differs.
_LDAP = _built("libldap-dev", "libsasl2-dev", run=("ldap-utils",))
# doc.courtbouillon.org/weasyprint/stable/first_steps.html#debian
_PANGO: _Row = ((), ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"))
_CAIRO: _Row = ((), ("libcairo2",))
_ODBC: _Row = ((), ("unixodbc", "tdsodbc"))
_MAGIC: _Row = ((), ("libmagic1",))
_OPENCV: _Row = ((), ("libgl1", "libglib2.0-0"))
SYSTEM: dict[str, _Row] = {
    "psycopg2": _POSTGRESQL,
    "psycopg-c": _POSTGRESQL,
    # github.com/PyMySQL/mysqlclient#linux
    "mysqlclient": _built("pkg-config", "default-libmysqlclient-dev", run=("libmariadb3",)),
    # uwsgi-docs.readthedocs.io/en/latest/Install.html; it links with libcrypt, which libc6-dev
    # depends on until Debian 13 only (packages.debian.org/libc6-dev).
    "uwsgi": _built("libcrypt-dev"),
    "python-ldap": _LDAP,
    "django-auth-ldap": _LDAP,
    # xmlsec.readthedocs.io/en/stable/install.html; signxml needs none of it
    "xmlsec": _built("pkg-config", "libxml2-dev", "libxmlsec1-dev", run=("libxmlsec1-openssl",)),
    "pycairo": _built("pkg-config", "libcairo2-dev", run=("libcairo2",)),  # pycairo.readthedocs.io
    # pygraphviz.github.io/documentation/stable/install.html
    "pygraphviz": _built("pkg-config", "libgraphviz-dev", run=("graphviz",)),
    "graphviz": ((), ("graphviz",)),  # graphviz.readthedocs.io/en/stable/manual.html#installation
    # pygobject.gnome.org/getting_started.html
    "pygobject": _built(
        "pkg-config", "libcairo2-dev", "libgirepository1.0-dev", run=("libcairo2",)
    ),
    # sendapatch.se/projects/pylibmc/install.html
    "pylibmc": _built("libmemcached-dev", "zlib1g-dev", run=("libmemcached11",)),
    "gssapi": _built("libkrb5-dev", run=("libgssapi-krb5-2",)),  # github.com/pythongssapi
    "m2crypto": _built("libssl-dev", "swig"),  # gitlab.com/m2crypto/m2crypto INSTALL.rst
    "netifaces": _built(),  # the last wheels on PyPI are for Python 3.9
    # Its zopfli has no wheels for Linux, its brotli none since Python 3.12.
    "django-static-compress": _built("g++"),
    # pysaml2.readthedocs.io/en/latest/install.html
    "pysaml2": ((), ("xmlsec1",)),
    "djangosaml2": ((), ("xmlsec1",)),
    "python-magic": _MAGIC,  # github.com/ahupp/python-magic#installation
    "cairosvg": _CAIRO,  # cairosvg.org/documentation/#installation
    "cairocffi": _CAIRO,
    "weasyprint": _PANGO,
    "django-weasyprint": _PANGO,
    "pdf2image": ((), ("poppler-utils",)),  # github.com/Belval/pdf2image#how-to-install
    "pytesseract": ((), ("tesseract-ocr",)),  # github.com/madmaze/pytesseract#installation
    "ocrmypdf": ((), ("tesseract-ocr", "ghostscript")),  # ocrmypdf.readthedocs.io
    "pyzbar": ((), ("libzbar0",)),  # github.com/NaturalHistoryMuseum/pyzbar#installation
    # github.com/mkleehammer/pyodbc/wiki/Install; FreeTDS is the driver that Debian has
    "pyodbc": _ODBC,
    "mssql-django": _ODBC,
    "pydub": ((), ("ffmpeg",)),  # github.com/jiaaro/pydub#dependencies
    "ffmpeg-python": ((), ("ffmpeg",)),
    "pyenchant": ((), ("libenchant-2-2",)),  # pyenchant.github.io/pyenchant/install.html
    "opencv-python": _OPENCV,  # github.com/opencv/opencv-python, "-headless" needs none
    "opencv-contrib-python": _OPENCV,
    "gitpython": ((), ("git",)),  # gitpython.readthedocs.io/en/stable/intro.html#requirements
    # What Django's documentation lists for GeoDjango on Debian, and for SpatiaLite
    # (docs.djangoproject.com/en/stable/ref/contrib/gis/install/geolibs, …/install/spatialite).
    GEODJANGO: ((), ("binutils", "gdal-bin", "libproj-dev")),
    SPATIALITE: ((), ("libsqlite3-mod-spatialite",)),
}
# Packages with C code: the first version with a wheel for Linux and each Python (from the files
# on PyPI), and the headers that earlier versions are built with.
WHEELS_SINCE: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "psycopg2-binary": (
        {"3.11": "2.9.5", "3.12": "2.9.9", "3.13": "2.9.10", "3.14": "2.9.11"},
        ("libpq-dev",),
    ),
    "cffi": (
        {"3.11": "1.15.1", "3.12": "1.16.0", "3.13": "1.17.0", "3.14": "2.0.0"},
        ("libffi-dev",),
    ),
    "pillow": (
        {"3.11": "9.2.0", "3.12": "10.0.0", "3.13": "10.4.0", "3.14": "11.3.0"},
        ("zlib1g-dev", "libjpeg-dev"),
    ),
    "lxml": (
        {"3.11": "4.9.1", "3.12": "4.9.3", "3.13": "5.3.0", "3.14": "6.0.1"},
        ("libxml2-dev", "libxslt1-dev"),
    ),
    "greenlet": ({"3.11": "1.1.3", "3.12": "3.0.0", "3.13": "3.1.0", "3.14": "3.2.3"}, ("g++",)),
    "aiohttp": ({"3.11": "3.8.3", "3.12": "3.9.0", "3.13": "3.10.5", "3.14": "3.13.0"}, ()),
    "uvloop": ({"3.11": "0.17.0", "3.12": "0.18.0", "3.13": "0.21.0", "3.14": "0.22.1"}, ("make",)),
    "hiredis": ({"3.11": "2.1.0", "3.12": "2.3.2", "3.13": "3.1.0", "3.14": "3.3.0"}, ()),
}
# The libraries that a package built with these headers loads.
_LIBRARIES = {
    "libpq-dev": ("libpq5",),
    "libjpeg-dev": ("libjpeg62-turbo",),
    "libxslt1-dev": ("libxslt1.1",),
    "libffi-dev": ("libffi8",),
}


def required(names: Iterable[str]) -> SystemPackages:
    """Return what the packages with these *names* require, installed without a wheel."""
    rows = [SYSTEM[name] for name in names if name in SYSTEM]
    return SystemPackages(
        tuple(dict.fromkeys(package for build, _ in rows for package in build)),
        tuple(dict.fromkeys(package for _, run in rows for package in run)),
    )


def find_system_packages(packages: Packages, python: str) -> SystemPackages:
    """Return what *packages* require with *python* (``3.13``).

    A package of a lock file that lists no wheel for the image gets a compiler, unless it is one of
    Django's, which have no C code. What is installed from a repository needs its program.
    """
    build: list[str] = []
    run: list[str] = []
    for name, package in packages.items():
        row = SYSTEM.get(name)
        if row is not None:
            build += row[0] if package.wheel is not True else ()
            run += row[1]
        elif package.wheel is False and not name.startswith("django"):
            build += CPP_COMPILER
        since, headers = WHEELS_SINCE.get(name, ({}, ()))
        minor = ".".join(python.split(".")[:2])
        is_older = minor in since and _is_older(package.specifier, since[minor])
        if since and (package.wheel is False or (package.wheel is None and is_older)):
            build += (*COMPILER, *headers)
            run += (library for header in headers for library in _LIBRARIES.get(header, ()))
        build += (VCS_PACKAGES[package.vcs],) if package.vcs else ()
    psycopg = packages.get("psycopg")
    if psycopg is not None and "c" in psycopg.extras:
        build += _POSTGRESQL[0] if "psycopg-c" not in packages else ()
        run.append("libpq5")
    elif psycopg is not None and "binary" not in psycopg.extras | packages.keys():
        run += () if "psycopg-binary" in packages else ("libpq5",)
    return SystemPackages(tuple(dict.fromkeys(build)), tuple(dict.fromkeys(run)))


def _is_older(specifier: str, version: str) -> bool:
    """Return whether *specifier* pins a version before *version*."""
    try:
        pins = [item.version for item in SpecifierSet(specifier) if item.operator in ("==", "===")]
        return any(Version(pin.removesuffix(".*")) < Version(version) for pin in pins)
    except (InvalidSpecifier, InvalidVersion):
        return False
