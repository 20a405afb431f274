"""What the migrations do: take their time, then record that they ran."""

import os
import time
from pathlib import Path

from django.db import connections


def recorded(runs, name):
    """Take as long as SLOW says, or, in the step HOLD_IN, as the file HOLD is there; record it."""
    began = time.time()
    time.sleep(float(os.environ.get("SLOW", "0")))
    if os.environ.get("HOLD_IN") == name:
        hold = Path(os.environ["HOLD"])
        hold.with_name("held").touch()
        while hold.exists():
            time.sleep(0.02)
    if os.environ.get("STUCK_IN") == name:
        stuck(runs)
    if os.environ.get("FAIL") == name:
        raise ValueError("no luck today")
    runs.create(name=name, process=os.getpid(), began=began, ended=time.time())


def stuck(runs):
    """Wait in a driver that is written in C, and hears no signal."""
    Path(os.environ["STUCK"]).touch()
    with connections[runs.db].cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
        )


def step(name):
    def run(apps, schema_editor):
        runs = apps.get_model("shop", "Run").objects.using(schema_editor.connection.alias)
        recorded(runs, name)

    return run
