"""A picture of a results file, drawn by a program of tools/plots where a Python here has matplotlib."""

from __future__ import annotations

from pathlib import Path

from . import process, python_env
from .console import say, warn
from .errors import shown
from .machine import ROOT

SECONDS = 300


def draw(program: Path, results: Path, picture: Path, *more) -> bool:
    """Whether it was drawn. A failure is a warning: the results are there. `more`: further arguments."""
    python = python_env.find("matplotlib")
    if python is None:
        warn("no picture: no Python here can import matplotlib (./workbook doctor says how to install it)")
        return False
    code, text = process.quiet([python, program, results, picture, *more], timeout=SECONDS, cwd=ROOT)
    if code != 0:
        reason = (text.strip().splitlines() or ["no reason given"])[-1]
        warn(f"no picture: {shown(program)} failed: {reason}")
        return False
    say(f"Picture: {shown(picture)}")
    return True
