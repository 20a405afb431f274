"""Where the project's modules are: the path that Python would import them from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from buildstatic.project import files


@dataclass(frozen=True)
class Search:
    """The directories that modules are searched in: manage.py's, the root, the root's ``src``."""

    root: Path
    manage: Path

    @property
    def directories(self) -> tuple[Path, ...]:
        """Return each directory once, in the order of the search."""
        return tuple(dict.fromkeys((self.manage, self.root, self.root / "src")))

    def relative(self, path: Path) -> str:
        """Return *path* in POSIX form, relative to the root."""
        return files.relative(path, self.root)

    def module(self, name: str) -> Path | None:
        """Return the file of the module *name*, a package's ``__init__.py``, or None."""
        places = (directory.joinpath(*name.split(".")) for directory in self.directories)
        return next((found for place in places if (found := module_at(place))), None)

    def is_in_src(self, name: str) -> bool:
        """Say whether the module *name* is found in ``src`` alone, where manage.py is not."""
        places = [directory.joinpath(*name.split(".")) for directory in self.directories]
        source = (self.root / "src").joinpath(*name.split("."))
        found = next((place for place in places if module_at(place)), None)
        return found == source and self.manage != self.root / "src"

    def package(self, name: str) -> Path | None:
        """Return the directory of the package *name*, whether it has an ``__init__.py`` or not."""
        places = (directory.joinpath(*name.split(".")) for directory in self.directories)
        return next((place for place in places if files.is_directory(place)), None)


def module_at(place: Path) -> Path | None:
    """Return the file that a module at *place* (a path without suffix) is read from, or None."""
    candidates = (place / "__init__.py", place.with_name(f"{place.name}.py"))
    return next((path for path in candidates if files.is_file(path)), None)


def is_module_name(module: str) -> bool:
    """Say whether *module* is written as a module's dotted name is."""
    return all(part.isidentifier() for part in module.split("."))
