"""Facts about this machine: cores, memory, tool versions, whether packages may be installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from . import process

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
RESULTS = Path(os.path.abspath(os.environ.get("WB_RESULTS_DIR") or ROOT / "results"))

MINIMUM_CMAKE = (3, 25)
MINIMUM_GCC = (12,)
MINIMUM_CLANG = (14,)
MEMORY_PER_JOB = 1.5e9  # nvcc's appetite on a template-heavy file


def default_jobs() -> int:
    """One job per core we may use, but no more than memory holds."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return cores
    return max(1, min(cores, int(memory / MEMORY_PER_JOB)))


def parse_version(text: str) -> tuple:
    """The first dotted number in a program's version text: 'cmake version 3.25.1' -> (3, 25, 1)."""
    found = re.search(r"(\d+(?:\.\d+)+|\b\d+\b)", text)
    return tuple(int(part) for part in found.group(1).split(".")) if found else ()


def dotted(version: tuple) -> str:
    return ".".join(str(part) for part in version) or "unknown"


@cache
def cmake() -> tuple:
    """(program, version) of the first CMake that is new enough, else of any CMake, else (None, ())."""
    best = (None, ())
    for candidate in (shutil.which("cmake"), VENV / "bin" / "cmake"):
        if candidate and Path(candidate).exists():
            code, text = process.quiet([candidate, "--version"])
            version = parse_version(text) if code == 0 else ()
            if version >= MINIMUM_CMAKE:
                return str(candidate), version
            best = best if best[0] else (str(candidate), version)
    return best


def ninja() -> str | None:
    found = shutil.which("ninja") or shutil.which("ninja-build")
    inside = VENV / "bin" / "ninja"
    return found or (str(inside) if inside.exists() else None)


def compiler_facts(program: str) -> tuple:
    """(kind, version) of a C++ compiler: ('gcc', (12, 2, 0)), ('clang', ...), or (None, ())."""
    code, text = process.quiet([program, "--version"])
    if code != 0:
        return None, ()
    kind = "clang" if "clang" in text.lower() else "gcc"
    first = text.splitlines()[0] if text else ""
    # "g++ (Debian 12.2.0-14+deb12u1) 12.2.0": the distribution's own number stands first, in brackets.
    return kind, parse_version(re.sub(r"\([^)]*\)", "", first))


def compiler_is_new_enough(kind: str | None, version: tuple) -> bool:
    minimum = {"gcc": MINIMUM_GCC, "clang": MINIMUM_CLANG}.get(kind)
    return minimum is not None and version >= minimum


@cache
def compiler() -> tuple:
    """(program, kind, version) of the C++20 compiler: $CXX, else the first usual one that is new enough."""
    named = os.environ.get("CXX")
    names = [named] if named else ["c++", "g++", "g++-15", "g++-14", "g++-13", "g++-12", "clang++"]
    first = (None, None, ())
    for name in names:
        program = shutil.which(name)
        if not program:
            continue
        kind, version = compiler_facts(program)
        if compiler_is_new_enough(kind, version):
            return program, kind, version
        first = first if first[0] else (program, kind, version)
    return first


def git(*arguments: str, root: Path = ROOT) -> tuple:
    """Exit code and output of git in the checkout `root`.

    A checkout that belongs to another user (a container, sudo) is trusted: its programs are being run anyway.
    """
    return process.quiet(["git", "-c", f"safe.directory={root}", "-C", root, *arguments])


def git_bytes(*arguments: str, root: Path = ROOT) -> tuple:
    """As `git`, with standard output alone, byte for byte."""
    command = ["git", "-c", f"safe.directory={root}", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return 1, b""
    return done.returncode, done.stdout


@cache
def commit() -> str:
    """The commit of this checkout, with -dirty when files differ from it; empty without git.

    Git is asked once per process, since a check starts several programs.
    """
    code, text = git("describe", "--always", "--exclude=*", "--dirty", "--abbrev=12")
    return text.strip() if code == 0 else ""


def run_environment() -> dict:
    """For programs that write results: what commit they are of, also when the build was made at another."""
    known = os.environ.get("WB_COMMIT") or commit()
    return process.environment(WB_COMMIT=known) if known else process.environment()


@cache
def root_prefix() -> tuple | None:
    """What to put before a command to run it as root: nothing, sudo without a password, or None: no way."""
    if os.geteuid() == 0:
        return ()
    if shutil.which("sudo") and process.quiet(["sudo", "-n", "true"], ours=False)[0] == 0:
        return ("sudo", "-n")
    return None


def forget() -> None:
    """Look again, after something was installed."""
    for cached in (cmake, compiler):
        cached.cache_clear()
