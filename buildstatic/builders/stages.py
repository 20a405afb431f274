"""Moved to `buildstatic.builders.progress`."""

from buildstatic.builders.base import Stage as Stage
from buildstatic.builders.progress import Progress as Build
from buildstatic.builders.progress import command as command
from buildstatic.builders.progress import seconds as seconds
from buildstatic.builders.progress import stage_name as stage_name

__all__ = ["Build", "Stage", "command", "seconds", "stage_name"]
