"""The distributions on PyPI that provide imported modules."""

from __future__ import annotations

import ast
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

from buildstatic.errors import ConfigInvalid
from buildstatic.manage_py import subdirectories
from buildstatic.project import Dependencies, files
from buildstatic.project.files import Search
from buildstatic.project.settings import Settings

# Distributions with another name than their module, after - and _ are made the same.
DISTRIBUTIONS = {
    "adminsortable2": "django-admin-sortable2",
    "admin_interface": "django-admin-interface",
    "allauth": "django-allauth",
    "anymail": "django-anymail",
    "auditlog": "django-auditlog",
    "axes": "django-axes",
    "bootstrap4": "django-bootstrap4",
    "bs4": "beautifulsoup4",
    "cachalot": "django-cachalot",
    "cacheops": "django-cacheops",
    "ckeditor": "django-ckeditor",
    "ckeditor_uploader": "django-ckeditor",
    "cloudinary_storage": "django-cloudinary-storage",
    "cms": "django-cms",
    "colorfield": "django-colorfield",
    "compressor": "django-compressor",
    "configurations": "django-configurations",
    "constance": "django-constance",
    "corsheaders": "django-cors-headers",
    "crispy_forms": "django-crispy-forms",
    "Crypto": "pycryptodome",
    "csp": "django-csp",
    "dal": "django-autocomplete-light",
    "dateutil": "python-dateutil",
    "debug_toolbar": "django-debug-toolbar",
    "decouple": "python-decouple",
    "django": "Django",
    "django_filters": "django-filter",
    "djmoney": "django-money",
    "dotenv": "python-dotenv",
    "easyaudit": "django-easy-audit",
    "environ": "django-environ",
    "filer": "django-filer",
    "grappelli": "django-grappelli",
    "guardian": "django-guardian",
    "haystack": "django-haystack",
    "health_check": "django-health-check",
    "hijack": "django-hijack",
    "imagekit": "django-imagekit",
    "import_export": "django-import-export",
    "jazzmin": "django-jazzmin",
    "jose": "python-jose",
    "jwt": "PyJWT",
    "leaflet": "django-leaflet",
    "localflavor": "django-localflavor",
    "magic": "python-magic",
    "markdownx": "django-markdownx",
    "mathfilters": "django-mathfilters",
    "mdeditor": "django-mdeditor",
    "modeltranslation": "django-modeltranslation",
    "model_utils": "django-model-utils",
    "mptt": "django-mptt",
    "multiselectfield": "django-multiselectfield",
    "MySQLdb": "mysqlclient",
    "nested_admin": "django-nested-admin",
    "ninja": "django-ninja",
    "oauth2_provider": "django-oauth-toolkit",
    "OpenSSL": "pyOpenSSL",
    "parler": "django-parler",
    "phonenumber_field": "django-phonenumber-field",
    "PIL": "pillow",
    "pipeline": "django-pipeline",
    "polymorphic": "django-polymorphic",
    "post_office": "django-post-office",
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "pwa": "django-pwa",
    "qr_code": "django-qr-code",
    "recurrence": "django-recurrence",
    "rest_framework": "djangorestframework",
    "rest_framework_simplejwt": "djangorestframework-simplejwt",
    "reversion": "django-reversion",
    "rosetta": "django-rosetta",
    "sass_processor": "django-sass-processor",
    "sekizai": "django-sekizai",
    "silk": "django-silk",
    "simple_history": "django-simple-history",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "social_core": "social-auth-core",
    "social_django": "social-auth-app-django",
    "solo": "django-solo",
    "sorl": "sorl-thumbnail",
    "storages": "django-storages",
    "taggit": "django-taggit",
    "tailwind": "django-tailwind",
    "template_partials": "django-template-partials",
    "tinymce": "django-tinymce",
    "treebeard": "django-treebeard",
    "two_factor": "django-two-factor-auth",
    "unfold": "django-unfold",
    "waffle": "django-waffle",
    "watson": "django-watson",
    "webpack_loader": "django-webpack-loader",
    "widget_tweaks": "django-widget-tweaks",
    "yaml": "PyYAML",
}
# The commands that add a distribution to the dependencies of each manager.
COMMANDS = {
    "uv": "uv add {}",
    "poetry": "poetry add {}",
    "pdm": "pdm add {}",
    "pipenv": "pipenv install {}",
}
MAX_DEPTH = 6
NOT_RUN = frozenset({"tests", "test", "migrations", "docs", "node_modules"})


def distribution(module: str) -> str:
    """Return the name of the distribution that provides *module*, or the most likely one."""
    top = module.partition(".")[0]
    return DISTRIBUTIONS.get(top, top.replace("_", "-"))


def how_to_add(name: str, dependencies: Dependencies | None) -> str:
    """Return the sentence that says how to add the distribution *name* to *dependencies*."""
    if dependencies is None:
        return f"Create requirements.txt:\n\n{name}"
    command = COMMANDS.get(dependencies.manager)
    if command:
        return f"Add it, and commit what changes:\n\n{command.format(name)}"
    if dependencies.manager == "pyproject":
        return f'Add it to dependencies in {dependencies.file}:\n\n    "{name}",'
    return f"Add it to {dependencies.file}:\n\n{name}"


def is_of_project(module: str, search: Search) -> bool:
    """Return whether *module*, or what it would be in, is a module of the project."""
    top = module.partition(".")[0]
    return search.module(top) is not None or search.package(top) is not None


def imported_distributions(settings: Settings, search: Search) -> tuple[str, ...]:
    """Return the distributions that the project imports, Django first, then by name.

    Imports in a ``try`` statement and in tests are left out, but Django's.
    """
    own, modules = set[str](), {"django"}
    for path in _modules(search):
        own |= {path.stem, *path.relative_to(search.root).parts[:-1]}
        try:
            tree = files.read_python(path, search.root)
        except ConfigInvalid:
            continue
        modules.update(_imports(tree))
    listed = (*settings.listed("INSTALLED_APPS"), *settings.listed("MIDDLEWARE"))
    modules |= {item.partition(".")[0] for item in listed if isinstance(item, str)}
    others = modules - own - sys.stdlib_module_names - {"django"}
    return ("Django", *sorted({distribution(name) for name in others}, key=str.lower))


def _modules(search: Search) -> Iterator[Path]:
    """Yield the Python files of the project, but those that only run while developing."""
    level = [search.root]
    for _ in range(MAX_DEPTH):
        for directory in level:
            yield from sorted(directory.glob("*.py"))
        below = itertools.chain.from_iterable(map(subdirectories, level))
        level = [directory for directory in below if directory.name not in NOT_RUN]


def _imports(tree: ast.AST) -> Iterator[str]:
    """Yield the top-level names of the modules that *tree* imports, outside of ``try``."""
    left = [tree]
    while left:
        match left.pop():
            case ast.Import(names=names):
                yield from (alias.name.partition(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]
            case ast.Try():
                pass
            case node:
                left += ast.iter_child_nodes(node)
