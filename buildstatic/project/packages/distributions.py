"""The distributions on PyPI that provide imported modules."""

from __future__ import annotations

import ast
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

from buildstatic.errors import ConfigInvalid
from buildstatic.manage_py.find import subdirectories
from buildstatic.project import Dependencies, files
from buildstatic.project.files import Search
from buildstatic.project.settings import Settings

# Distributions with another name than their module, after - and _ are made the same.
DISTRIBUTIONS = {
    "actstream": "django-activity-stream",
    "admin_interface": "django-admin-interface",
    "admin_tools": "django-admin-tools",
    "adminsortable2": "django-admin-sortable2",
    "allauth": "django-allauth",
    "analytical": "django-analytical",
    "anymail": "django-anymail",
    "attr": "attrs",
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
    "crum": "django-crum",
    "Crypto": "pycryptodome",
    "csp": "django-csp",
    "cv2": "opencv-python-headless",
    "dal": "django-autocomplete-light",
    "dateutil": "python-dateutil",
    "dbbackup": "django-dbbackup",
    "debug_toolbar": "django-debug-toolbar",
    "decouple": "python-decouple",
    "django": "Django",
    "django_filters": "django-filter",
    "djmoney": "django-money",
    "djstripe": "dj-stripe",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "easyaudit": "django-easy-audit",
    "environ": "django-environ",
    "explorer": "django-sql-explorer",
    "filer": "django-filer",
    "fitz": "PyMuPDF",
    "git": "GitPython",
    "github": "PyGithub",
    "grappelli": "django-grappelli",
    "guardian": "django-guardian",
    "hashid_field": "django-hashid-field",
    "haystack": "django-haystack",
    "health_check": "django-health-check",
    "hijack": "django-hijack",
    "hitcount": "django-hitcount",
    "honeypot": "django-honeypot",
    "imagekit": "django-imagekit",
    "impersonate": "django-impersonate",
    "import_export": "django-import-export",
    "ipware": "django-ipware",
    "jazzmin": "django-jazzmin",
    "jose": "python-jose",
    "js_asset": "django-js-asset",
    "jwt": "PyJWT",
    "knox": "django-rest-knox",
    "ldap": "python-ldap",
    "leaflet": "django-leaflet",
    "localflavor": "django-localflavor",
    "loginas": "django-loginas",
    "magic": "python-magic",
    "maintenance_mode": "django-maintenance-mode",
    "markdown": "Markdown",
    "markdownx": "django-markdownx",
    "mathfilters": "django-mathfilters",
    "mdeditor": "django-mdeditor",
    "meta": "django-meta",
    "model_utils": "django-model-utils",
    "modelcluster": "django-modelcluster",
    "modeltranslation": "django-modeltranslation",
    "mptt": "django-mptt",
    "multiselectfield": "django-multiselectfield",
    "MySQLdb": "mysqlclient",
    "nacl": "PyNaCl",
    "nested_admin": "django-nested-admin",
    "ninja": "django-ninja",
    "notifications": "django-notifications-hq",
    "oauth2_provider": "django-oauth-toolkit",
    "OpenSSL": "pyOpenSSL",
    "ordered_model": "django-ordered-model",
    "organizations": "django-organizations",
    "parler": "django-parler",
    "pgtrigger": "django-pgtrigger",
    "phonenumber_field": "django-phonenumber-field",
    "picklefield": "django-picklefield",
    "PIL": "pillow",
    "pipeline": "django-pipeline",
    "polymorphic": "django-polymorphic",
    "post_office": "django-post-office",
    "private_storage": "django-private-storage",
    "psqlextra": "django-postgres-extra",
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "pwa": "django-pwa",
    "qr_code": "django-qr-code",
    "recurrence": "django-recurrence",
    "rest_framework": "djangorestframework",
    "rest_framework_gis": "djangorestframework-gis",
    "rest_framework_simplejwt": "djangorestframework-simplejwt",
    "reversion": "django-reversion",
    "robots": "django-robots",
    "rosetta": "django-rosetta",
    "safedelete": "django-safedelete",
    "sass_processor": "django-sass-processor",
    "sekizai": "django-sekizai",
    "silk": "django-silk",
    "simple_history": "django-simple-history",
    "sitetree": "django-sitetree",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "social_core": "social-auth-core",
    "social_django": "social-auth-app-django",
    "solo": "django-solo",
    "sorl": "sorl-thumbnail",
    "split_settings": "django-split-settings",
    "statici18n": "django-statici18n",
    "stdimage": "django-stdimage",
    "storages": "django-storages",
    "taggit": "django-taggit",
    "tailwind": "django-tailwind",
    "template_partials": "django-template-partials",
    "timezone_field": "django-timezone-field",
    "tinymce": "django-tinymce",
    "treebeard": "django-treebeard",
    "two_factor": "django-two-factor-auth",
    "unfold": "django-unfold",
    "versatileimagefield": "django-versatileimagefield",
    "waffle": "django-waffle",
    "watson": "django-watson",
    "webpack_loader": "django-webpack-loader",
    "webpush": "django-webpush",
    "widget_tweaks": "django-widget-tweaks",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
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
