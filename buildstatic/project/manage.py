"""Find manage.py and the settings module to deploy."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from buildstatic.errors import ConfigInvalid, ProjectNotFound, SettingsInvalid
from buildstatic.manage_py.find import (
    MAX_DEPTH,
    SETTINGS_VARIABLE,
    find_manage_py,
    settings_modules,
    subdirectories,
)
from buildstatic.project import Fact, Project, ProjectSettings, config, files
from buildstatic.project.config import ProjectConfig
from buildstatic.project.files import Search, is_module_name
from buildstatic.project.settings import Settings, evaluate_script, read, secret_key
from buildstatic.project.settings.values import ROOT

# The settings class (django-configurations.readthedocs.io/en/stable/#quickstart).
CONFIGURATION_VARIABLE = "DJANGO_CONFIGURATION"
DEVELOPMENT = ("dev", "local", "development", "develop", "devel", "debug")
PRODUCTION = ("production", "prod", "deploy", "live", "product", "heroku")
# Modules with the settings that the others import. They are not deployed themselves.
SHARED = ("base", "common", "default", "defaults")
INSTALLED_APPS = r"^INSTALLED_APPS\b[^=\n]*="
NAME_SETTINGS = "Set it with --settings, or as settings in [tool.buildstatic] of pyproject.toml."


@dataclass(frozen=True)
class FoundSettings:
    """The settings module that is deployed, as it was *evaluated*, and how it was found.

    *added* are the directories that *script*, manage.py, adds to ``sys.path``; *selected* is the
    settings class of django-configurations.
    """

    config: ProjectConfig
    script: Path
    search: Search
    added: tuple[Fact[str], ...]
    chosen: Fact[str]
    notes: tuple[str, ...]
    evaluated: Settings
    selected: Fact[str] | None

    def project(self) -> ProjectSettings:
        """Return what collecting needs to know of the project."""
        name = files.relative(self.script, self.search.root)
        return ProjectSettings(
            root=self.search.root,
            manage=Fact(name, f"{name}:1"),
            settings=self.chosen,
            classes=self.evaluated.classes,
            configuration=self.selected,
            variables=self.evaluated.variables,
            secret_key=secret_key(self.evaluated),
            config=self.config,
        )


def detect_settings(root: Path, *, manage: str | None, settings: str | None) -> ProjectSettings:
    """Return what collecting needs to know of the project in *root*; see `detect.detect`."""
    return find_settings(root, manage, settings, os.environ).project()


def find_settings(
    root: Path, manage: str | None, settings: str | None, environ: Mapping[str, str]
) -> FoundSettings:
    """Return the settings of the project in *root*; see `detect.detect`, which raises the same."""
    root = root.resolve()
    configuration = config.load(root)
    script = find_script(root, manage or configuration.manage)
    search = Search(root, script.resolve().parent)
    added = added_directories(script, search)
    search = replace(search, added=tuple(root / directory.value for directory in added))
    chosen, notes = choose_settings(search, script, settings, configuration, environ)
    evaluated, selected = evaluate_settings(chosen, search, script, configuration, environ)
    return FoundSettings(configuration, script, search, added, chosen, notes, evaluated, selected)


def find_script(root: Path, named: str | None) -> Path:
    """Return manage.py: *named* (a file or its directory, relative to *root*), or the one found.

    Raises `ProjectNotFound` if there is none, if several are at the same depth, or if *named* is
    outside of *root*.
    """
    if named is None:
        return find_manage_py(root)
    path = root / named
    if files.is_file(path / "manage.py"):
        path = path / "manage.py"
    if not files.is_file(path):
        raise ProjectNotFound(f"{named} not found in {root}.", "Set the file with --manage.")
    if not path.resolve().is_relative_to(root):
        problem = f"{named} is outside of {root}, so it would not be part of the image."
        raise ProjectNotFound(problem, "Run buildstatic in a directory that contains it.")
    return path.parent.resolve() / path.name


def choose_settings(
    search: Search,
    manage: Path,
    named: str | None,
    config: ProjectConfig,
    environ: Mapping[str, str],
) -> tuple[Fact[str], tuple[str, ...]]:
    """Return the settings module, and notes on the choice.

    The order of precedence: *named* (``--settings``), *config*, *environ*, *manage*. Only a
    development module named by manage.py is replaced by its production sibling.
    """
    if named:
        return Fact(named, "--settings"), ()
    if config.settings:
        return Fact(config.settings, config.source("settings")), ()
    by_environ = environ.get(SETTINGS_VARIABLE)
    if not by_environ:
        return _settings_from_script(manage, search)
    try:
        found, _ = _settings_from_script(manage, search)
    except (SettingsInvalid, ConfigInvalid):
        found = Fact(by_environ, SETTINGS_VARIABLE)
    note = (
        f"The environment variable {SETTINGS_VARIABLE} selects the settings {by_environ}; without"
        f" it, {found.value} ({found.source}) would be used. Unset it if that is not intended."
    )
    return Fact(by_environ, SETTINGS_VARIABLE), () if found.value == by_environ else (note,)


def locate(settings: Fact[str], search: Search) -> Path:
    """Return the file of the module *settings*, or raise `SettingsInvalid`."""
    name = settings.value
    path = search.module(name) if is_module_name(name) else None
    if path is not None:
        return path
    module = f"The settings module {name} (from {settings.source})"
    if name.endswith(".py") or "/" in name:
        dotted = name.removesuffix(".py").strip("./").replace("/", ".")
        raise SettingsInvalid(f"{module} is a path, not a module name.", f"Write {dotted}.")
    places = ", ".join(dict.fromkeys(f"{search.relative(d)}/" for d in search.directories))
    raise SettingsInvalid(
        f"{module} was not found in {places.replace('./', 'the root')}.", NAME_SETTINGS
    )


def added_directories(script: Path, search: Search) -> tuple[Fact[str], ...]:
    """Return the directories of the project that *script* adds to ``sys.path``."""
    evaluation = evaluate_script(script, search)
    return tuple(
        Fact(name, fact.source)
        for fact in evaluation.module_paths
        if fact.value.is_relative_to(ROOT) and fact.value not in (ROOT, evaluation.cwd)
        if files.is_directory(search.root / (name := str(fact.value.relative_to(ROOT))))
    )


def module_search(project: Project) -> Search:
    """Return where the modules of *project* are found."""
    manage = (project.root / project.manage.value).resolve().parent
    added = project.python_path.value if project.python_path else ()
    return Search(project.root, manage, tuple(project.root / name for name in added))


def read_settings(project: Project) -> tuple[Settings, Search]:
    """Evaluate the settings of *project*; raises `ConfigInvalid` as detecting it did."""
    search = module_search(project)
    configuration = project.configuration.value if project.configuration else None
    return read(locate(project.settings, search), search, configuration), search


def evaluate_settings(
    settings: Fact[str],
    search: Search,
    manage: Path,
    config: ProjectConfig,
    environ: Mapping[str, str],
) -> tuple[Settings, Fact[str] | None]:
    """Evaluate the module *settings*; return also the settings class that is deployed, or None.

    The class of django-configurations is the one that *environ*, *config*, wsgi.py or else *manage*
    selects. If that is for development, it is the class Production beside it.
    """
    path = locate(settings, search)
    evaluated = read(path, search)
    if not evaluated.classes:
        return evaluated, None
    selected = _selected_class(evaluated, settings.value, search, manage)
    for variables, source in ((config.env, "pyproject.toml"), (environ, CONFIGURATION_VARIABLE)):
        if variables.get(CONFIGURATION_VARIABLE) in evaluated.classes:
            selected = Fact(variables[CONFIGURATION_VARIABLE], source)
    return read(path, search, selected.value if selected else None), selected


def _selected_class(
    evaluated: Settings, settings: str, search: Search, manage: Path
) -> Fact[str] | None:
    wsgi_py = search.module(f"{settings.partition('.')[0]}.wsgi")
    for script in filter(None, (wsgi_py, manage)):
        found = evaluate_script(script, search).environ.get(CONFIGURATION_VARIABLE)
        if found is None or found.data not in evaluated.classes:
            continue
        by_name = {name.lower(): name for name in evaluated.classes}
        production = next((by_name[name] for name in PRODUCTION if name in by_name), None)
        if str(found.data).lower() in DEVELOPMENT and production is not None:
            return Fact(production, evaluated.names[production].source)
        return Fact(str(found.data), found.source)
    return None


def _settings_from_script(manage: Path, search: Search) -> tuple[Fact[str], tuple[str, ...]]:
    named, notes = _named_settings(manage, search)
    sibling = _production_sibling(named.value, search)
    if sibling is None:
        return named, notes
    path = search.module(sibling)
    source = f"{search.relative(path)}:1" if path else named.source
    note = (
        f"{named.source} names the settings {named.value}; the image uses {sibling} instead"
        f" (--settings {named.value} overrides this)."
    )
    return Fact(sibling, source), (note,)


def _named_settings(path: Path, search: Search) -> tuple[Fact[str], tuple[str, ...]]:
    """Return the settings module that manage.py in *path* sets, also through its own imports.

    If it sets none, it is that of a wsgi.py or asgi.py, or the only module with INSTALLED_APPS,
    and a note says so. Raises `SettingsInvalid` if there is none or more than one, or if it is
    computed at run time.
    """
    evaluation = evaluate_script(path, search)
    found = evaluation.environ.get(SETTINGS_VARIABLE) or evaluation.possible_environ.get(
        SETTINGS_VARIABLE
    )
    if found is not None and isinstance(found.data, str) and found.data:
        return Fact(found.data, found.source), ()
    for module, line in settings_modules(files.read_python(path, search.root)):
        return Fact(module, f"{search.relative(path)}:{line}"), ()
    if found is not None:
        problem = f"{found.source} computes {SETTINGS_VARIABLE} at run time."
    else:
        problem = f"{search.relative(path)} does not set {SETTINGS_VARIABLE}."
    candidates = _other_settings(search)
    if len(candidates) == 1:
        used = candidates[0].value
        return candidates[0], (f"{problem} The image uses {used}; --settings selects others.",)
    names = ", ".join(fact.value for fact in candidates)
    advice = f"{NAME_SETTINGS} Found: {names}." if names else NAME_SETTINGS
    raise SettingsInvalid(problem, advice)


def _other_settings(search: Search) -> list[Fact[str]]:
    """Return what a wsgi.py or asgi.py names, else the modules that assign INSTALLED_APPS."""
    level = [search.manage]
    modules: list[Path] = []
    for _ in range(MAX_DEPTH + 1):
        modules += [path for place in level for path in sorted(place.glob("*.py"))]
        level = [below for place in level for below in subdirectories(place)]
    for path in modules:
        if path.name in ("wsgi.py", "asgi.py"):
            for module, line in settings_modules(files.read_python(path, search.root)):
                return [Fact(module, f"{search.relative(path)}:{line}")]
    found = []
    for path in modules:
        text = files.read_text(path, search.root)
        parts = path.relative_to(search.manage).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if (
            "test" not in path.stem
            and re.search(INSTALLED_APPS, text, re.M)
            and is_module_name(name)
        ):
            line = files.line_of(text, INSTALLED_APPS)
            found.append(Fact(name, f"{search.relative(path)}:{line}"))
    return found


def _production_sibling(module: str, search: Search) -> str | None:
    """Return the production module beside *module* if that is for development, else None."""
    package, _, name = module.rpartition(".")
    prefix = f"{package}." if package else ""

    def existing(names: Iterable[str]) -> str | None:
        return next((name for name in names if search.module(name)), None)

    words = name.split("_")
    for word in DEVELOPMENT:
        if word in words:
            renamed = ("_".join(new if w == word else w for w in words) for new in PRODUCTION)
            return existing(prefix + candidate for candidate in renamed)
    if name in SHARED and existing(prefix + other for other in DEVELOPMENT):
        return existing(prefix + new for new in PRODUCTION)
    if name == "settings":
        for overlay in (f"{start}{new}" for start in (f"{module}_", prefix) for new in PRODUCTION):
            path = search.module(overlay)
            if path is not None and _imports_all_of(name, path, search):
                return overlay
    if search.package(module) and _imports_only_development(module, search):
        return existing(f"{module}.{new}" for new in PRODUCTION)
    return None


def _imports_all_of(name: str, path: Path, search: Search) -> bool:
    """Return whether the module at *path* has ``from .name import *``."""
    return any(
        isinstance(node, ast.ImportFrom)
        and (node.module or "").rpartition(".")[2] == name
        and node.names[0].name == "*"
        for node in files.read_python(path, search.root).body
    )


def _imports_only_development(package: str, search: Search) -> bool:
    """Return whether a settings package is empty or only imports a development module."""
    path = search.module(package)
    if path is None:
        return True
    if path.name != "__init__.py":
        return False
    body = files.read_python(path, search.root).body
    # What follows ``except`` is imported where the development module does not exist.
    tried = [part for node in body if isinstance(node, ast.Try) for part in node.body]
    for node in (*(node for node in body if not isinstance(node, ast.Try)), *tried):
        match node:
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                continue
            case ast.ImportFrom(module=str(name)) if name.rpartition(".")[2] in DEVELOPMENT:
                continue
            case _:
                return False
    return True
