"""Exit codes of the command, the exception that ends it with a message instead of a stack trace, and the one
place that puts an OSError into words."""

from __future__ import annotations

import enum
import errno
import os
import pwd
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Exit(enum.IntEnum):
    OK = 0
    FAILED = 1  # a test, a check or a run came out red
    USAGE = 2  # an argument, a chapter or a file is wrong
    SETUP = 3  # something the machine needs is missing, or in the way: a full disk, no permission
    BUILD = 4  # CMake or the compiler refused
    INTERRUPTED = 130  # Ctrl-C; other signals: 128 and their number


class WorkbookError(Exception):
    """What happened, where, and what to do next, in one line; `details` is another program's own words."""

    def __init__(self, message: str, code: Exit = Exit.SETUP, details: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.details = details


class Stopped(KeyboardInterrupt):
    """A signal that asks for the end: SIGTERM, SIGHUP."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def shown(path: Path | str) -> str:
    """`path` as a person would type it in the workbook's folder."""
    path = Path(path)
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) and path != ROOT else str(path)


def explain(error: OSError, path: Path | str | None = None) -> str:
    """What the system refused, for which file, and what to do, in one line."""
    path = path or error.filename2 or error.filename
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    if path is None or isinstance(path, int):
        return f"the system refused: {reason(error)}"
    name = shown(path)
    again = "then run the same command again"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"cannot write {name}: the disk is full; make room, {again}"
    if error.errno == errno.EFBIG:
        return f"cannot write {name}: it is larger than this shell allows (ulimit -f); raise that, {again}"
    if error.errno == errno.EROFS:
        return f"cannot write {name}: the file system is read-only; copy the workbook to a folder of your own"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"no permission for {name}{owned(Path(path))}, {again}"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        blocking = shown(not_a_folder(Path(path)))
        return f"{blocking} is a file where a folder must be; rename or delete it, {again}"
    if error.errno == errno.EISDIR:
        return f"{name} is a folder where a file must be; rename or delete it, {again}"
    if error.errno == errno.ENOENT:
        return f"{name} is missing; put it back (git checkout, or a new copy of the workbook), {again}"
    if error.errno == errno.ENOEXEC:
        return f"{name} is not a program for this machine; delete it, {again}"
    return f"{name}: {reason(error)}"


def reason(error: OSError) -> str:
    words = error.strerror or type(error).__name__
    return words[:1].lower() + words[1:]


def owned(path: Path) -> str:
    """Whose file it is that the system refuses to us, and how to change that."""
    while not os.path.exists(path) and path != path.parent:
        path = path.parent
    try:
        owner = path.stat().st_uid
    except OSError:
        return "; make it readable and writable"
    if owner == os.geteuid():
        return f"; allow it: chmod u+rwX {shown(path)}"
    where = ROOT if path.is_relative_to(ROOT) else path
    return f", which belongs to {user(owner)}; make it yours: sudo chown -R {user(os.geteuid())} {where}"


def user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def not_a_folder(path: Path) -> Path:
    """The outermost part of `path` that exists and is not a folder."""
    for part in [*reversed(path.parents), path]:
        if os.path.exists(part) and not os.path.isdir(part):
            return part
    return path
