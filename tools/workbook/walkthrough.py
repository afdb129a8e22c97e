"""A walkthrough in a terminal: from the starter to the reference, step by step (solutions/walkthroughs)."""

from __future__ import annotations

import re
from pathlib import Path

from . import console, files, prose, side_by_side
from .console import heading, say
from .errors import Exit, WorkbookError, shown
from .machine import ROOT

STEP = re.compile(r"^## Step (\d+): (.+)$", re.M)
BLOCK = re.compile(r"^```diff\n(.*?)^```$", re.M | re.S)


def page(exercise) -> Path | None:
    """The page of an exercise, or None where it has none yet."""
    file = ROOT / "solutions" / "walkthroughs" / exercise.chapter.name / f"{exercise.name}.md"
    return file if file.is_file() else None


def call(exercise) -> str:
    return f"./workbook solution {exercise.call} --walkthrough"


def steps(text: str) -> list:
    """[(title, text)] of a page's steps."""
    found = list(STEP.finditer(text))
    ends = [step.start() for step in found[1:]] + [len(text)]
    return [(step[2], text[step.end() : end].strip("\n")) for step, end in zip(found, ends)]


def chosen(exercise, title: str, number: int | None) -> tuple:
    """(the page, its steps); refused where there is no such step."""
    file = page(exercise)
    if file is None:
        raise WorkbookError(
            f"{title} has no walkthrough yet; without --walkthrough: the reference", Exit.USAGE
        )
    every = steps(files.read_text(file))
    if number is not None and not 1 <= number <= len(every):
        raise WorkbookError(
            f"--step {number}: the walkthrough of {title} has steps 1 to {len(every)}", Exit.USAGE
        )
    return file, every


def answer(exercise, title: str, number: int | None) -> None:
    """For --json: the steps with their Markdown."""
    file, every = chosen(exercise, title, number)
    rows = [
        {"step": at, "title": name, "text": text}
        for at, (name, text) in enumerate(every, 1)
        if number in (None, at)
    ]
    about = {"chapter": exercise.chapter.name, "exercise": exercise.name, "page": shown(file)}
    console.document("walkthrough", {**about, "steps": rows})


def show(exercise, title: str, number: int | None) -> None:
    """All steps, or the one with this number."""
    file, every = chosen(exercise, title, number)
    heading(f"{title}: from the starter to the reference")
    say(shown(file))
    if number is None:
        say()
        for at, (name, _) in enumerate(every, 1):
            say(f"  {at:>2}. {name}")
        say()
        say(f"One of them: ./workbook solution {exercise.call} --step N")
    for at, (name, text) in enumerate(every, 1):
        if number is None or number == at:
            say()
            heading(f"Step {at} of {len(every)}: {name}")
            for line in lines(text):
                say(line)


def lines(text: str) -> list:
    """A step: prose wrapped, diffs in colors, nothing wider than the terminal."""
    found, end = [], 0
    for block in BLOCK.finditer(text):
        found += ["", *prose.lines(text[end : block.start()], ""), ""]
        found += [
            side_by_side.painted(piece)
            for line in block[1].splitlines()
            for piece in side_by_side.pieces(line, prose.width())
        ]
        end = block.end()
    return [*found, "", *prose.lines(text[end:], "")]
