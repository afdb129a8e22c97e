"""`journey`: build and run the five-stage TinyLlama journey, then draw its plots."""

from __future__ import annotations

import re
from pathlib import Path

from . import device, process, python_env, setup
from .build import Build
from .console import say, warn
from .errors import Exit, WorkbookError
from .machine import RESULTS, ROOT

CONFIG = ROOT / "07_tinyllama" / "config.cpp"
PLOT = ROOT / "tools" / "plots" / "journey.py"


def command(options) -> int:
    data = refuse_bad_input(options)
    chosen = device.choose(options.device)
    setup.ensure(chosen, plots=True)
    build = Build(chosen, options.jobs, options.verbose)
    build.configure()
    build.build(["journey"], "journey")
    RESULTS.mkdir(exist_ok=True)
    code = process.in_the_open([build.program("journey"), *arguments(options, data)], cwd=ROOT)
    if code != 0:
        return Exit.USAGE if code == Exit.USAGE else Exit.FAILED
    draw(RESULTS / "journey.json", RESULTS / "journey.png")
    return Exit.OK


def refuse_bad_input(options) -> Path | None:
    """Refuse before a long build what the program would refuse after it; returns --data, made absolute."""
    for name in ("steps", "batch_size", "seq_len"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise WorkbookError(f"--{name.replace('_', '-')} is {value}; it must be 1 or more", Exit.USAGE)
    known = presets()
    if options.preset and known and options.preset not in known:
        message = f"there is no preset '{options.preset}'; the presets are {', '.join(known)}"
        raise WorkbookError(message, Exit.USAGE)
    if options.data is None:
        return None
    data = Path(options.data)
    try:
        with data.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise WorkbookError(f"--data {options.data}: {error.strerror}", Exit.USAGE) from error
    if empty:
        raise WorkbookError(f"--data {options.data}: the file is empty; give it some text", Exit.USAGE)
    return data.resolve()


def presets(config: Path = CONFIG) -> list:
    """The names of the presets, read off the trainer's own table; empty when it cannot be read."""
    try:
        return re.findall(r'^\s*\{\s*"(\w+)"\s*,', config.read_text(), re.M)
    except OSError:
        return []


def arguments(options, data: Path | None) -> list:
    """The options that the journey program itself understands."""
    names = ("stage", "preset", "steps", "batch_size", "seq_len", "seed", "kernels")
    given = [(name, getattr(options, name)) for name in names] + [("data", data)]
    pairs = [(f"--{name.replace('_', '-')}", str(value)) for name, value in given if value is not None]
    return ["--output", str(RESULTS), *(part for pair in pairs for part in pair)]


def draw(results: Path, picture: Path) -> None:
    """Draw the plot; without matplotlib that is a warning, since the table and the files are there."""
    python = python_env.find("matplotlib")
    if python is None:
        warn("no plots: no Python here can import matplotlib (./workbook doctor says how to mend it)")
        return
    code, text = process.quiet([python, PLOT, results, picture], timeout=300, cwd=ROOT)
    if code != 0:
        reason = (text.strip().splitlines() or ["no reason given"])[-1]
        warn(f"no plot: {PLOT.relative_to(ROOT)} failed: {reason}")
        return
    say(f"Plot: {picture.relative_to(ROOT)}")
