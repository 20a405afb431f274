"""The packages that a project depends on, by name, as requirements and lock files state them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# The Python of the image where the project asks for none.
DEFAULT_PYTHON = "3.13"
MACHINES = ("x86_64", "aarch64")


@dataclass(frozen=True)
class Package:
    """A package: its canonical name, a PEP 440 specifier set, its extras, and where it stands."""

    name: str
    specifier: str
    extras: frozenset[str]
    source: str


Packages = dict[str, Package]


def canonical(name: str) -> str:
    """Return *name* as PEP 503 spells it."""
    return str(canonicalize_name(name))


def package(requirement: Requirement, source: str) -> Package:
    """Return *requirement* as a package that stands at *source*."""
    extras = frozenset(map(canonical, requirement.extras))
    return Package(canonical(requirement.name), str(requirement.specifier), extras, source)


def join(packages: Iterable[Package]) -> Packages:
    """Return *packages* by name; one that is there twice has both its extras and specifiers."""
    found: Packages = {}
    for new in packages:
        old = found.get(new.name, new)
        specifiers = dict.fromkeys(filter(None, (old.specifier, new.specifier)))
        found[new.name] = Package(
            new.name, ",".join(specifiers), old.extras | new.extras, old.source
        )
    return found


def holds(marker: Marker | str | None, python: str, extras: Iterable[str] = ()) -> bool:
    """Say whether *marker* can hold on Linux with *python* (``3.13``, or ``3.13.2``).

    An unreadable one can.
    """
    if not marker:
        return True
    try:
        parsed = Marker(marker) if isinstance(marker, str) else marker
        return any(
            parsed.evaluate(_environment(python, machine, extra))
            for machine in MACHINES
            for extra in ("", *extras)
        )
    except ValueError:  # no marker, an unknown name in it, or a number of thousands of digits
        return True


def _environment(python: str, machine: str, extra: str) -> dict[str, str]:
    minor = ".".join(python.split(".")[:2])
    full = f"{python}.99" if minor == python else python
    return {
        "os_name": "posix",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": machine,
        "platform_release": "",
        "platform_version": "",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
        "implementation_version": full,
        "python_version": minor,
        "python_full_version": full,
        "extra": extra,
    }
