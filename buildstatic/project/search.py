"""Find the files of the project's modules, as Python would import them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from buildstatic.project import files


@dataclass(frozen=True)
class Search:
    """The module search path: manage.py's directory, the root, the root's ``src``."""

    root: Path
    manage: Path

    @property
    def directories(self) -> tuple[Path, ...]:
        """The directories in search order, without duplicates."""
        return tuple(dict.fromkeys((self.manage, self.root, self.root / "src")))

    def relative(self, path: Path) -> str:
        """Return *path* in POSIX form, relative to the root."""
        return files.relative(path, self.root)

    def module(self, name: str) -> Path | None:
        """Return the file of the module *name*, a package's ``__init__.py``, or None."""
        places = (directory.joinpath(*name.split(".")) for directory in self.directories)
        return next((found for place in places if (found := module_at(place))), None)

    def is_in_src(self, name: str) -> bool:
        """Return whether the module *name* is found only in ``src``, and manage.py is elsewhere."""
        places = [directory.joinpath(*name.split(".")) for directory in self.directories]
        source = (self.root / "src").joinpath(*name.split("."))
        found = next((place for place in places if module_at(place)), None)
        return found == source and self.manage != self.root / "src"

    def package(self, name: str) -> Path | None:
        """Return the directory of the package *name*, with or without an ``__init__.py``."""
        places = (directory.joinpath(*name.split(".")) for directory in self.directories)
        return next((place for place in places if files.is_directory(place)), None)


def module_at(place: Path) -> Path | None:
    """Return the file of the module at *place*, a path without suffix, or None."""
    candidates = (place / "__init__.py", place.with_name(f"{place.name}.py"))
    return next((path for path in candidates if files.is_file(path)), None)


def is_module_name(module: str) -> bool:
    """Return whether *module* is a valid dotted module name."""
    return all(part.isidentifier() for part in module.split("."))
