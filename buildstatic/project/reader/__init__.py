"""A small reader of settings: says what a module's names are worth, as far as reading can tell.

It follows the module from top to bottom as Python would, with an environment that has nothing in
it: ``os.environ.get("X", default)`` is the default, and what cannot be known is UNKNOWN. Nothing
of the project is imported or run.
"""

from buildstatic.project.reader.modules import read, read_script
from buildstatic.project.reader.state import Reading
from buildstatic.project.reader.values import UNKNOWN, Module, Ref, Value, plain

__all__ = ["UNKNOWN", "Module", "Reading", "Ref", "Value", "plain", "read", "read_script"]
