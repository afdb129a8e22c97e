"""Files of the workbook: read as UTF-8, written whole or not at all, set aside when they are damaged."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

from .console import warn
from .errors import Exit, WorkbookError, explain, reason, shown

KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


def read_text(path: Path) -> str:
    """As UTF-8 whatever the locale; what is not UTF-8 becomes a question mark."""
    return path.read_text(encoding="utf-8", errors="replace")


def irregular(path: Path) -> str:
    """What `path` is, where it is neither a regular file nor absent: 'a device', 'a pipe', ..."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return ""
    return next((name for is_kind, name in KINDS if is_kind(mode)), "")


def make_folder(path: Path) -> None:
    """With its parents, and writable; else an error in one line."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkbookError(explain(error, path), Exit.SETUP) from error
    require_writable(path)


def require_writable(path: Path) -> None:
    """Whether the folder `path` is there, or could be made, and written to; else an error in one line."""
    there = path
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    number = 0
    if not os.path.isdir(there):
        number = errno.ENOTDIR
    elif os.statvfs(there).f_flag & os.ST_RDONLY:
        number = errno.EROFS
    elif not os.access(there, os.W_OK | os.X_OK):
        number = errno.EACCES
    if number:
        raise WorkbookError(explain(OSError(number, os.strerror(number)), path), Exit.SETUP)


def write_text(path: Path, text: str) -> None:
    """Whole or not at all: a temporary file beside it, then a rename. Only in place of a regular file."""
    kind = irregular(path)
    if kind:
        raise WorkbookError(f"cannot write {shown(path)}: it is {kind}; name a regular file", Exit.USAGE)
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)
    except OSError as error:
        raise WorkbookError(explain(error, path), Exit.SETUP) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def remove(path: Path) -> None:
    """Before a program writes it anew. A folder, a device or a pipe of that name is refused."""
    kind = irregular(path)
    if kind:
        message = f"{shown(path)} is {kind} where a file must be; rename or delete it, then run this again"
        raise WorkbookError(message, Exit.SETUP)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise WorkbookError(explain(error, path), Exit.SETUP) from error


def require_regular(path: Path, option: str) -> None:
    """What a person names as input: a regular file with something in it."""
    kind = irregular(path)
    if kind:
        raise WorkbookError(f"{option} {path}: it is {kind}; give it a regular file", Exit.USAGE)
    try:
        with open(path, "rb") as file:
            empty = not file.read(1)
    except (OSError, ValueError) as error:
        words = reason(error) if isinstance(error, OSError) else "no file can have this name"
        raise WorkbookError(f"{option} {path}: {words}", Exit.USAGE) from error
    if empty:
        raise WorkbookError(f"{option} {path}: the file is empty; give it some text", Exit.USAGE)


def load(path: Path, version: int, fits: Callable, old: int | None = None, ours: bool = True) -> dict | None:
    """The JSON object in `path`; None where there is none.

    A file that is damaged, of another version or of another shape (`fits` says no) is set aside, in one line.
    One without a version is of version `old`. One that is not `ours` stays where it is.
    """
    try:
        document = json.loads(path.read_bytes().decode())
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        return set_aside(path, "is damaged (a folder)", ours)
    except OSError as error:
        warn(f"{shown(blocking(path))}: {reason(error)} (read as if it were not there)")
        return None
    except (ValueError, RecursionError):
        return set_aside(path, "is damaged (no JSON)", ours)
    if not isinstance(document, dict):
        return set_aside(path, "is damaged (not an object)", ours)
    found = document.get("schema_version", old)
    if found != version:
        why = f"is of version {json.dumps(found)[:20]}, and this workbook reads {version}"
        return set_aside(path, why, ours)
    try:
        good = fits(document)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        good = False
    return document if good else set_aside(path, "is damaged (parts are missing or of another type)", ours)


def blocking(path: Path) -> Path:
    """The outermost part of `path` that is there and no folder: it blocks what is below."""
    for part in (*reversed(path.parents), path):
        if os.path.lexists(part) and not os.path.isdir(part):
            return part
    return path


def set_aside(path: Path, why: str, ours: bool = True) -> None:
    """Rename it, so that nothing trips over it again, and nothing is lost."""
    if not ours:
        warn(f"{shown(path)} {why}; left out")
        return
    kept = path.with_name(path.name + ".damaged")
    number = 1
    while os.path.lexists(kept):
        number += 1
        kept = path.with_name(f"{path.name}.damaged{number}")
    try:
        path.rename(kept)
    except OSError as error:
        warn(f"{shown(path)} {why}; ignored ({reason(error)})")
    else:
        warn(f"{shown(path)} {why}; set aside as {kept.name}")
