"""The known storages: one module for each package.

A module has ``PACKAGE``, the name of the package, and ``ADAPTERS``, an `Adapter` for each storage
class by its dotted name.
"""

from __future__ import annotations

from buildstatic.collect.storages import django, servestatic, whitenoise
from buildstatic.collect.storages.adapter import Adapter

_MODULES = (django, whitenoise, servestatic)
ADAPTERS: dict[str, Adapter] = {
    name: adapter for module in _MODULES for name, adapter in module.ADAPTERS.items()
}
PACKAGES = tuple(module.PACKAGE for module in _MODULES)
