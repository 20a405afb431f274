"""Makes one call that changes the disk fail: on PYTHONPATH, it is imported by every Python.

It is the call number FAULT_AT of a process below FAULT_DIRECTORY, and fails with FAULT_ERRNO. Each
fault is a line in FAULT_LOG. Writing to a file that is open is not seen but by ``os.write``.
"""

import errno
import os
import sys
from typing import Any

DIRECTORY = os.environ.get("FAULT_DIRECTORY", "")
CHANGES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
# The path that each changes, by the position of the argument.
EVENTS = {"os.rename": 1, "os.link": 1, "os.symlink": 1, "os.mkdir": 0, "os.truncate": 0}
count = 0


def may_fail(path: object) -> None:
    """Count a call for *path*; raises OSError if it is the one."""
    global count
    if not isinstance(path, str | bytes | os.PathLike):
        return
    path = os.path.abspath(os.fsdecode(path))  # noqa: PTH100
    if not path.startswith(DIRECTORY):
        return
    count += 1
    if count == int(os.environ["FAULT_AT"]):
        log = os.open(os.environ["FAULT_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        write(log, b"x\n")
        os.close(log)
        number = int(os.environ["FAULT_ERRNO"])
        raise OSError(number, os.strerror(number), path)


def hook(event: str, arguments: tuple[Any, ...]) -> None:
    """See sys.addaudithook; opening a file is the only call that may lack a descriptor."""
    if event == "open":
        path, _, flags = arguments
        if flags & CHANGES:
            may_fail(path)
    elif event in EVENTS and int(os.environ["FAULT_ERRNO"]) != errno.EMFILE:
        may_fail(arguments[EVENTS[event]])


write = os.write


def failing_write(descriptor: int, data: Any) -> int:
    """Do what ``os.write`` does, or fail."""
    if int(os.environ["FAULT_ERRNO"]) != errno.EMFILE:
        may_fail(os.readlink(f"/proc/self/fd/{descriptor}"))  # noqa: PTH115
    return write(descriptor, data)


if DIRECTORY:
    os.write = failing_write
    sys.addaudithook(hook)
