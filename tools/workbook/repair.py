"""Tells a build directory that is damaged from a program that does not compile, and mends it.

What breaks one: a configure or a build that was killed, a disk that was full, a machine that lost power
(files of the right name and no content), a checkout that was moved or copied, a compiler that is gone,
another generator.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import struct
from pathlib import Path
from typing import BinaryIO

from . import files, machine
from .errors import explain, shown

KEPT = ("_deps", "configure.log", "build.log")  # what CMake downloaded; what was said
ARCHIVE = b"!<arch>\n"
BUILT = (".o", ".a", ".so")
LAST_WORDS = b"default all"  # with which CMake ends build.ninja
NINJA_GAVE_UP = re.compile(
    r"^ninja: (?:(?:error|fatal): (?!unknown target)"
    r"|build stopped: (?!subcommand failed|interrupted|cannot))(.*)",
    re.M,
)
UNKNOWN_TARGET = re.compile(r"^ninja: error: (unknown target .*)|No rule to make target", re.M)
MAKE_GAVE_UP = re.compile(
    r"^(?:make\S*|\S*Makefile\S*): ?\S* ?\*\*\* "
    r"(missing separator|No targets|No rule to make target.*Makefile)",
    re.M,
)
CMAKE_GAVE_UP = re.compile(r"^CMake Error.*|.*could not load cache.*", re.M)
NO_PROGRAM = re.compile(
    r"(\S+?\.(?:o|a|so)): .*?"
    r"(?:file truncated|too short|file(?: format)? not recognized|malformed|wrong format|no archive symbol)"
)
BLOCKED = re.compile(r"cannot open output file (\S+): Is a directory")
MACHINE = (
    (re.compile(r"No space left on device|Disk quota exceeded"), errno.ENOSPC),
    (re.compile(r"Read-only file system"), errno.EROFS),
    (re.compile(r"Permission denied"), errno.EACCES),
)
NO_MEMORY = re.compile(
    r"virtual memory exhausted|Cannot allocate memory|Killed signal terminated|out of memory", re.I
)


def wrong_configuration(folder: Path, device: str) -> str:
    """What is wrong with a build directory that has been configured; empty when it can be built."""
    cache = folder / "CMakeCache.txt"
    if not cache.is_file():
        return "CMake had not finished"
    text = files.read_text(cache)
    home = entry(text, "CMAKE_HOME_DIRECTORY")
    if not home:
        return "CMakeCache.txt is damaged"
    if Path(home).resolve() != machine.ROOT:
        return f"it was made for {home}"
    if entry(text, "WB_DEVICE") not in (device, None):
        return f"it was made for the device {entry(text, 'WB_DEVICE')}"
    for name in ("CMAKE_CXX_COMPILER", "CMAKE_MAKE_PROGRAM"):
        program = entry(text, name)
        if program and shutil.which(program) is None:
            return f"{program} is gone"
    wanted, used = os.environ.get("CXX", ""), entry(text, "CMAKE_CXX_COMPILER") or ""
    if wanted and used and shutil.which(wanted) and not same_program(wanted, used):
        return f"it was made with {used}, and CXX is {wanted}"
    if entry(text, "CMAKE_GENERATOR") == "Ninja":
        return incomplete_ninja_files(folder)
    return "" if has_content(folder / "Makefile") else "CMake had not finished"


def incomplete_ninja_files(folder: Path) -> str:
    rules = folder / "CMakeFiles" / "rules.ninja"
    build = folder / "build.ninja"
    if not has_content(build) or not has_content(rules):
        return "CMake had not finished"
    with open(build, "rb") as file:
        file.seek(max(0, build.stat().st_size - 200))
        return "" if LAST_WORDS in file.read() else "build.ninja is cut off"


def entry(cache: str, name: str) -> str | None:
    found = re.search(rf"^{name}:[A-Z]+=(.*)$", cache, re.M)
    return found.group(1) if found else None


def same_program(one: str, other: str) -> bool:
    return os.path.realpath(shutil.which(one) or one) == os.path.realpath(shutil.which(other) or other)


def has_content(path: Path | str) -> bool:
    try:
        return os.path.isfile(path) and os.path.getsize(path) > 0
    except OSError:
        return False


def sweep(folder: Path) -> list:
    """Delete what a compiler or linker has left half-written, so that it is made again; what it was."""
    swept = []
    programs = str(folder / "bin")
    for where, folders, names in os.walk(folder):  # thousands of names, before each build: no Path for each
        folders[:] = [name for name in folders if not name.endswith("-src")]
        for name in names:
            path = f"{where}{os.sep}{name}"
            if name.endswith(".cu.cpp"):
                broken = not has_content(path)
            else:
                broken = (where == programs or name.endswith(BUILT)) and not is_whole(path)
            if broken:
                with contextlib.suppress(OSError):
                    os.unlink(path)
                    swept.append(Path(path))
    return swept


def is_whole(path: Path | str) -> bool:
    """Whether an object, program or archive is as long as its header says (ELF: headers of sections)."""
    try:
        with open(path, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(64)
            if head.startswith(ARCHIVE):
                return is_whole_archive(file, size)
    except OSError:
        return True  # not for us to judge
    if head[:4] == b"\x7fELF" and len(head) == 64 and head[4] == 2:
        (sections,) = struct.unpack_from("<Q", head, 40)
        each, count = struct.unpack_from("<HH", head, 58)
        return size >= sections + each * count
    return size > 0 and any(head)  # a file of zeros: the machine lost power


def is_whole_archive(file: BinaryIO, size: int) -> bool:
    """Whether its members, each with a header of 60 bytes that ends with its length, fill it."""
    place = len(ARCHIVE)
    while place < size:
        file.seek(place)
        header = file.read(60)
        if len(header) < 60 or not header[48:58].strip().isdigit():
            return False
        place += 60 + int(header[48:58]) + int(header[48:58]) % 2
    return place - size in (0, 1)


def is_program(path: Path) -> bool:
    return path.is_file() and is_whole(path) and os.access(path, os.X_OK)


def damage(text: str, folder: Path) -> str:
    """Which part of the build directory the failed build's words blame; empty when they blame a source."""
    for pattern in (NINJA_GAVE_UP, MAKE_GAVE_UP, CMAKE_GAVE_UP):
        found = pattern.search(text)
        if found:
            return found.group(found.lastindex or 0).strip()
    if UNKNOWN_TARGET.search(text) and not has_content(folder / "build.ninja"):
        return "build.ninja is empty"
    for pattern in (NO_PROGRAM, BLOCKED):
        found = pattern.search(text)
        if found and (folder / found.group(1)).is_relative_to(folder):
            return f"{Path(found.group(1)).name} is damaged"
    return ""


def machines_fault(text: str, folder: Path) -> str:
    """Where a tool's words are about this machine rather than about a source: what to do, in one line."""
    for pattern, number in MACHINE:
        if pattern.search(text):
            blocked = not_ours(folder) if number == errno.EACCES else folder
            if blocked:
                return explain(OSError(number, os.strerror(number)), blocked)
    if NO_MEMORY.search(text):
        return "the compiler ran out of memory; build fewer files at once: --jobs 1"
    return ""


def not_ours(folder: Path) -> Path | None:
    """The first file in the build directory that we may not write."""
    for where, _, names in os.walk(folder):
        for path in (Path(where), *(Path(where) / name for name in names)):
            if not os.access(path, os.W_OK) and not path.is_symlink():
                return path
    return None


def clear(folder: Path) -> None:
    """Empty the build directory, except for what was downloaded."""
    for path in folder.iterdir():
        if path.name in KEPT:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def mended(folder: Path, why: str) -> str:
    return f"{shown(folder)} cannot be used ({why}): it is built anew."
