"""What judges a fix-it with a race on a GPU: its test program again, under compute-sanitizer's racecheck.

On the CPU device the inspector does this for every exercise (inspection.py). racecheck knows races in shared
memory alone. The build lists the exercises that it judges (cmake/Fixit.cmake).
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from . import device, files, process
from .build import Build
from .inspection import Inspection
from .machine import run_environment

NAME = "compute-sanitizer"
SEES = "races in shared memory"
FOUND = f"{NAME} found what results do not show"
REPORT = re.compile(
    r"^=========[ ]+(?:Error|Warning)\b.*(?:[Rr]ace|hazard).*(?:\n=========[ ]{2,}\S.*)*", re.M | re.I
)
SUMMARY = re.compile(r"^========= RACECHECK SUMMARY: (\d+) hazard", re.MULTILINE)
PLACE = re.compile(r"(?:[^\s:]*/)?([\w.]+\.cuh?):(\d+)")
FRAMES = re.compile(r"^=+\s+(?:Saved host backtrace|Host Frame|Device Frame).*", re.MULTILINE)


def judges(build: Build, exercise) -> bool:
    """Whether the verdict on this exercise's starter needs it."""
    listed = build.folder / "racecheck.txt"
    return build.device == "cuda" and listed.is_file() and exercise.name in listed.read_text().split()


def tool() -> str:
    """The program, from PATH or beside nvcc; empty where there is none."""
    compiler = device.nvcc()[0]
    beside = Path(compiler).resolve().parent / NAME if compiler else None
    return shutil.which(NAME) or (str(beside) if beside and beside.is_file() else "")


def absent(exercise) -> str:
    """Why nothing is decided where the tool is not installed, and what to do."""
    command = f"./workbook check {exercise.call} --device cpu"
    return (
        f"the results are right, and only {NAME} can see the race on a GPU, but it is not installed (it is a "
        f"part of the CUDA toolkit). {command} decides instead"
    )


def run(program: Path, arguments: list, limit: float) -> Inspection:
    """All tests once more, watched. The tool's words go to a file of its own: the tests' output cannot pass
    for them."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "racecheck.log"
        command = [tool(), "--tool", "racecheck", "--log-file", log, program, *arguments]
        environment = {**run_environment(), "WB_SANITIZER": "racecheck"}
        code, output = process.quiet(command, limit, environment, ours=False)
        said = files.read_text(log) if log.is_file() else ""
    return read(said, code, output)


def read(said: str, code: int, output: str = "") -> Inspection:
    """What its log says. Without the line that ends it, the run decides nothing."""
    inspection = Inspection(
        judge=NAME, sees=SEES, left_out="accesses outside an array, races in global memory"
    )
    summary = SUMMARY.search(said)
    inspection.findings = list(dict.fromkeys(in_words(found[0]) for found in REPORT.finditer(said)))
    inspection.of_first_line = min(1, len(inspection.findings))
    if inspection.findings:
        return inspection
    if not summary or summary[1] != "0":
        last = (said or output).strip().splitlines()[-1:] or ["no words"]
        inspection.problem = f"{NAME} did not come to its end (exit code {code}): {last[0].lstrip('= ')}"
    elif code != 0:
        inspection.problem = f"under {NAME} the tests end with exit code {code}, though they pass without it"
    return inspection


def in_words(report: str) -> str:
    """One report without its frame, with short file names."""
    lines = [line.lstrip("= ") for line in FRAMES.sub("", report).splitlines()]
    return "\n".join(PLACE.sub(r"\1:\2", line) for line in lines if line)
