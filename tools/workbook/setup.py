"""Make sure that everything a command needs is here; install what is not, and say so."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from . import machine, packages, process, python_env
from .console import Progress, say, warn
from .errors import Exit, WorkbookError

LOCK_SECONDS = 300
WHEELS = {"CMake": "cmake", "Ninja": "ninja", "matplotlib": "matplotlib"}  # what pip has too
NOT_IN_ARCHIVE = re.compile(
    r"(?:Unable to locate package|Package '?)\s*([a-z0-9][a-z0-9.+-]+)(?:'? has no installation candidate)?"
)


def ensure(device: str, plots: bool = False) -> None:
    """Return with everything for `device` in place, or raise with the exact command that would do it."""
    absent = packages.missing(device, plots)
    if is_configured(device):
        absent = [p for p in absent if not p.fetched]  # CMake has found or downloaded them
    if not absent:
        return
    problem = ""
    if shutil.which("apt-get") and machine.root_prefix() is not None:
        problem = install_with_apt([name for package in absent for name in package.apt])
        machine.forget()
        python_env.find.cache_clear()
        absent = [package for package in absent if not package.present()]
    if shutil.which("make") and any(p.name == "Ninja" for p in absent):
        say("Not installed here: Ninja. Building with Make, which takes a little longer.")
        absent = [p for p in absent if p.name != "Ninja"]
    if all(p.fetched or p.optional or p.name in WHEELS for p in absent):
        absent = [package for package in absent if not from_pip(package)]

    for package in (p for p in absent if p.optional):
        command = packages.install_command([package])
        warn(f"{package.name} is missing, so there will be no plots. Install: {command}")
    for_cmake = [p for p in absent if p.fetched]
    required = [p for p in absent if not p.fetched and not p.optional]
    if required:
        names = ", ".join(f"{p.name} ({p.why})" for p in required)
        raise WorkbookError(
            f"missing: {names}. Install: {packages.install_command(required + for_cmake)}",
            Exit.SETUP,
            problem,
        )
    if for_cmake:
        names = ", ".join(p.name for p in for_cmake)
        say(f"Not installed here: {names}. CMake will download fixed versions into the build directory.")


def is_configured(device: str) -> bool:
    folder = machine.ROOT / "build" / device
    return any((folder / name).exists() for name in ("build.ninja", "Makefile"))


def install_with_apt(names: list) -> str:
    """apt-get install; returns its words when it fails. Leaves out what the archive does not have."""
    if not any(Path("/var/lib/apt/lists").glob("*Packages*")):
        apt("package lists", ["update"])
    say("Installing with apt-get: " + " ".join(names))
    updated = False
    while names:
        code, text = apt("apt-get install", ["install", "--no-install-recommends", *names])
        if code == 0:
            return ""
        if not updated:
            # Lists older than the archive name files that are gone.
            updated = apt("package lists", ["update"])[0] == 0
            if updated:
                continue
        unknown = {found for found in NOT_IN_ARCHIVE.findall(text) if found in names}
        if not unknown:
            return text
        names = [name for name in names if name not in unknown]
    return text


def apt(title: str, arguments: list) -> tuple:
    """One apt-get call with a progress line: its exit code and output."""
    command = [
        *machine.root_prefix(),
        *("env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8"),
        *("apt-get", "--yes", "--quiet", f"--option=DPkg::Lock::Timeout={LOCK_SECONDS}"),
        *arguments,
    ]
    progress = Progress(title)
    lines = process.Lines(command, ours=False)
    for line in lines:
        progress.note(line.strip())
    progress.finish("done" if lines.code == 0 else "failed")
    return lines.code, tail(lines.text, 15)


def from_pip(package: packages.Package) -> bool:
    """Where the system has no package, or an old one: a wheel in the project's own .venv."""
    if package.name not in WHEELS:
        return False
    say(f"Installing with pip into .venv: {WHEELS[package.name]}")
    problem = python_env.install_in_venv(WHEELS[package.name])
    if problem:
        say(f"That failed: {problem}")
    machine.forget()
    return package.present()


def tail(text: str, lines: int) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])
