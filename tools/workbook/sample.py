"""`sample`: build the program and let a trained model write text."""

from __future__ import annotations

import math
import os
from pathlib import Path

from . import answers, console, device, process, setup
from .arguments import value
from .build import Build
from .console import say
from .errors import Exit, WorkbookError, shown
from .machine import RESULTS, ROOT, run_environment

PROGRAM = ROOT / "07_tinyllama" / "sample"
LATEST_RUN = RESULTS / "train"  # where ./workbook train leaves its checkpoints

# name, type, what --help says. The program has the same options, checks them too, and knows the defaults.
OPTIONS = (
    ("checkpoint", str, "a checkpoint's folder, or a run's: then its latest (default: results/train)"),
    ("prompt", str, "the beginning of the text"),
    ("tokens", int, "bytes to add at most"),
    ("temperature", float, "divides the logits: below 1 favors likely bytes; 0: always the likeliest byte"),
    ("top-k", int, "choose among the k likeliest bytes; 0: all"),
    ("top-p", float, "choose among the likeliest bytes whose probabilities reach p"),
    ("seed", int, "the same seed gives the same text"),
    ("stop", str, "end before this text"),
    ("kernels", str, "auto, solution, library, operation=name,..."),
)
SLIDE = "when the model's context is full, continue from its latest half"
# Between which values an option must lie, both included.
LIMITS = {
    "tokens": (1, math.inf),
    "temperature": (0, 1e6),
    "top-k": (0, math.inf),
    "top-p": (1e-300, 1),
    "seed": (0, 2**63 - 1),
}


def command(options) -> int:
    refuse_bad_input(options)
    with answers.Output(options) as output:
        with console.aside(options.json):
            chosen, code = run(options, output.descriptor)
        if options.json:
            about = {"exit_code": int(code), "device": chosen, "checkpoint": shown(checkpoint(options))}
            console.document("sample", {**about, "text": output.text})
    return code


def run(options, output: int | None) -> tuple:
    """The device, and the exit code."""
    chosen = device.choose(options.device)
    setup.ensure(chosen)
    build = Build(chosen, options.jobs, options.verbose)
    build.configure()
    build.build(["sample"], "sample")
    started = [build.program("sample"), *arguments(options)]
    if options.verbose:
        say(process.shown(started))
    code = process.in_the_open(started, cwd=ROOT, env=run_environment(), stdout=output)
    return chosen, code if code in (Exit.OK, Exit.USAGE) else Exit.FAILED


def checkpoint(options) -> Path:
    return Path(os.path.abspath(options.checkpoint)) if options.checkpoint is not None else LATEST_RUN


def refuse_bad_input(options) -> None:
    """Refuse before a long build what the program would refuse after it."""
    for name, (least, most) in LIMITS.items():
        given = value(options, name)
        if given is not None and not (least <= given <= most):
            wanted = f"between {least:g} and {most:g}" if most != math.inf else f"{least:g} or more"
            raise WorkbookError(f"--{name} is {given}; it must be {wanted}", Exit.USAGE)
    folder = checkpoint(options)
    if not folder.exists():
        advice = "./workbook train makes one" if options.checkpoint is None else "give --checkpoint a folder"
        raise WorkbookError(f"no checkpoint: {shown(folder)} is not there; {advice}", Exit.USAGE)
    if not folder.is_dir():
        raise WorkbookError(f"--checkpoint {shown(folder)}: it is a file, not a folder", Exit.USAGE)


def arguments(options) -> list:
    """The program's arguments; a prompt may begin with a dash."""
    given = [f"--checkpoint={checkpoint(options)}"]
    for name, _, _ in OPTIONS:
        typed = value(options, name)
        if name != "checkpoint" and typed is not None:
            given.append(f"--{name}={typed}")
    return [*given, "--slide"] if options.slide else given
