"""An app for INSTALLED_APPS: ``manage.py collectstatic`` becomes the engine, and nothing else."""

import gc
import sys

if sys.argv[1:2] == ["collectstatic"]:
    # The apps that are loaded next stay: searching them for garbage takes a tenth of the time.
    gc.set_threshold(1_000_000)
