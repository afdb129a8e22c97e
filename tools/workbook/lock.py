"""One build directory, one build at a time.

The lock is the kernel's, on a file beside the directory (build/cpu.lock), so it ends with its holder and
cannot be left behind. CMake's file(LOCK) takes the same kind: cmake/StarterUnsolved.cmake waits for it,
too.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from . import files, process
from .console import say, shorten, warn
from .errors import Exit, WorkbookError, explain, shown

UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the lock of the build directory `folder`; while another holds it, say whose it is and wait."""
    path = folder.with_name(folder.name + ".lock")
    files.make_folder(folder.parent)
    kind = files.irregular(path)
    if kind:
        raise WorkbookError(f"{shown(path)} is {kind} where a file must be; delete it, then run this again")
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise WorkbookError(explain(error, path), Exit.SETUP) from error
    try:
        take(number, folder)
        with contextlib.suppress(OSError):  # a full disk: the others will not know our name
            os.ftruncate(number, 0)
            os.pwrite(number, f"{os.getpid()} {me()}\n".encode(errors="replace"), 0)
        yield
        with contextlib.suppress(OSError):
            os.ftruncate(number, 0)
    finally:
        os.close(number)


def take(number: int, folder: Path) -> None:
    try:
        fcntl.lockf(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in UNSUPPORTED:
            warn(f"this file system has no locks: run one command at a time in {shown(folder)}")
            return
        if error.errno not in (errno.EACCES, errno.EAGAIN):
            raise
        say(f"Waiting for {shown(folder)}: {holder(number)} builds there.")
        fcntl.lockf(number, fcntl.LOCK_EX)


def holder(number: int) -> str:
    """Who holds it, as they wrote it down; between locking and writing lies a moment."""
    for _ in range(20):
        words = os.pread(number, 400, 0).decode(errors="replace").split()
        if len(words) >= 2 and words[0].isdigit():
            return f"{shorten(' '.join(words[1:]), 80)} (process {words[0]})"
        time.sleep(0.02)
    return "another program"


def me() -> str:
    return process.shown(["./workbook", *sys.argv[1:]]) if sys.argv else "./workbook"
