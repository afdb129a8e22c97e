"""What an exercise needs of a GPU, by the line "// Needs: sm_80" of its reference (cmake/Chapter.cmake)."""

from __future__ import annotations

import re

from . import device, files, machine
from .console import warn
from .errors import Exit, WorkbookError

LINE = re.compile(r"^// Needs: sm_(\d+)(\d)a?$", re.M)


def capability(exercise) -> tuple:
    """The least compute capability of a GPU that has the exercise: (8, 0). () if all have it."""
    if not exercise.reference.is_file():
        return ()
    found = LINE.search(files.read_text(exercise.reference))
    return (int(found.group(1)), int(found.group(2))) if found else ()


def refusal(exercise, chosen: str) -> str:
    """Why the exercise cannot be built for the chosen device, in one line; empty if it can."""
    card = device.gpu()[0] if chosen == "cuda" else None
    needed = capability(exercise)
    if card is None or card.capability >= needed:
        return ""
    has = f"{card.name} has {machine.dotted(card.capability)}"
    return (
        f"{exercise.name} needs compute capability {machine.dotted(needed)}, and {has}; --device cpu runs it"
    )


def possible(exercises: list, chosen: str) -> list:
    """Those that can be built. The others are named, and an error is raised if none is left."""
    refusals = {exercise: refusal(exercise, chosen) for exercise in exercises}
    left = [exercise for exercise, why in refusals.items() if not why]
    reasons = [why for why in refusals.values() if why]
    if reasons and not left:
        raise WorkbookError(reasons[0], Exit.USAGE)
    for why in reasons:
        warn(f"left out: {why}")
    return left
