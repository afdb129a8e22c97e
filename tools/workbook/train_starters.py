"""Training on one's own kernels: which starters a run asks for, and the program that has them."""

from __future__ import annotations

import json
import re
from pathlib import Path

from . import chapters, lock, machine, process
from .build import Build, cmake_errors
from .console import say
from .errors import Exit, WorkbookError

CACHED = re.compile(r"^WB_TRAIN_STARTERS:\w+=(.*)$", re.M)
VARIABLE = "WB_TRAIN_STARTERS"
STARTER = "starter"
# What a training step calls; the other exercises are no part of the model.
OPERATIONS = (
    "adamw",
    "attention",
    "cross_entropy",
    "matmul",
    "repeat_kv",
    "rmsnorm",
    "rope",
    "swiglu",
    "vector_add",
)


def wanted(forced: list, kernels: str | None = None) -> list:
    """The exercises whose starters these `--kernel` rules and this `--kernels` request name, sorted.

    `rmsnorm=starter` and `rmsnorm_backward=starter` are rmsnorm's; `starter` alone is everybody's.
    """
    found = set()
    for rule in [*forced, *(kernels or "").split(",")]:
        target, equals, name = (part.strip() for part in rule.rpartition("="))
        if name != STARTER:
            continue
        found.update([operation_of(target)] if equals else OPERATIONS)
    return sorted(found)


def kernels_of_run(folder: Path | None) -> str:
    """The kernels that a run was started with, for one that goes on with it; empty where that is unknown."""
    try:
        options = json.loads((folder / "options.json").read_bytes().decode()) if folder else {}
    except (OSError, ValueError):  # the program says what is wrong with it
        options = {}
    kernels = options.get("kernels") if isinstance(options, dict) else None
    return kernels if isinstance(kernels, str) else ""


def operation_of(target: str) -> str:
    for operation in OPERATIONS:
        if target == operation or target.startswith(operation + "_"):
            return operation
    known = ", ".join(OPERATIONS)
    raise WorkbookError(
        f"{target}={STARTER}: a training step has no operation '{target}'; it has {known}", Exit.USAGE
    )


def program(build: Build, name: str, exercises: list) -> Path:
    """Build the program `name`, with these starters in it where there are any, and say where it is.

    Errors: a starter that does not compile, with the compiler's words; the program without it is not touched.
    """
    if not exercises:
        build.build([name], name)
        return build.program(name)
    files = [starter_file(exercise) for exercise in exercises]
    say(f"With your {', '.join(files)}.")
    build.configure()
    name_starters(build, exercises)
    build.build([f"{name}_with_starters"], f"{name} with your {', '.join(exercises)}")
    return build.program(f"{name}_with_starters")


def starter_file(exercise: str) -> str:
    for chapter in chapters.chapters():
        for known in chapters.exercises(chapter):
            if known.name == exercise:
                return known.starter.name
    raise WorkbookError(f"there is no exercise '{exercise}'", Exit.USAGE)


def name_starters(build: Build, exercises: list) -> None:
    """Tell CMake which starters; nothing to do where it knows."""
    value = ";".join(exercises)
    with lock.held(build.folder):
        if cached(build.folder) == value:
            return
        command = [machine.cmake()[0], f"-D{VARIABLE}={value}", str(build.folder)]
        code, text = process.quiet(command, timeout=600)
        if code != 0:
            message = f"CMake could not add your starters ({', '.join(exercises)}) to {build.folder.name}"
            raise WorkbookError(message, Exit.BUILD, cmake_errors(text))


def cached(folder: Path) -> str:
    try:
        found = CACHED.search((folder / "CMakeCache.txt").read_text(errors="replace"))
    except OSError:
        return ""
    return found.group(1) if found else ""
