"""`solution`: once an exercise is solved, the reference beside yours, and in words where they differ."""

from __future__ import annotations

import shutil
import sys

from . import console, differences, files, inspect, position, progress, prose, side_by_side, walkthrough
from .console import heading, say, warn
from .errors import Exit, WorkbookError, shown
from .machine import RESULTS, ROOT

WIDE = 160  # columns from which both files are shown in full


def command(options) -> int:
    place = position.edited_or_named(options.chapter, options.exercise, position.survey())
    exercise = place.exercise
    if not exercise.reference.is_file():
        raise WorkbookError(f"{shown(exercise.reference)} is missing; put it back: git checkout", Exit.SETUP)
    if not options.force and not is_solved(place):
        hint = "key h" if console.has_keys else f"./workbook hint {exercise.call}"
        force = f"./workbook solution {exercise.call} --force" if console.has_keys else "--force"
        message = f"{place.title} is not solved yet ({place.standing.words}); {hint}"
        raise WorkbookError(f"{message} helps, and {force} shows the reference all the same", Exit.USAGE)
    if options.walkthrough or options.step:
        if options.count:
            message = "--walkthrough counts nothing; leave out --walkthrough or --count"
            raise WorkbookError(message, Exit.USAGE)
        (walkthrough.answer if options.json else walkthrough.show)(exercise, place.title, options.step)
        return Exit.OK
    is_source = exercise.reference.suffix == exercise.starter.suffix
    if options.count and not is_source:
        raise WorkbookError(
            f"--count: {place.title} has no reference whose accesses could be counted", Exit.USAGE
        )
    more, less = differences.words(exercise.starter, exercise.references, ROOT) if is_source else ([], [])
    in_numbers = differences.numbers(exercise.starter, exercise.references) if is_source else []
    with console.aside(options.json):
        counted = count(exercise, options) if options.count else []
    if options.json:
        about = {"chapter": exercise.chapter.name, "exercise": exercise.name, "solved": is_solved(place)}
        about |= {
            "reference": [shown(file) for file in exercise.references],
            "starter": shown(exercise.starter),
        }
        page = walkthrough.page(exercise)
        about |= {"walkthrough": shown(page) if page else None}
        words = {"reference_only": more, "yours_only": less, "numbers": in_numbers, "counted": counted}
        console.document("solution", about | words)
        return Exit.OK
    heading(f"{place.title}: yours and the reference, {named(exercise)}\n")
    if not is_source:
        for line in prose.lines(files.read_text(exercise.reference), ""):
            say(line)
        tell_of_walkthrough(exercise)
        return Exit.OK
    for line in picture(exercise, options):
        say(line)
    say()
    tell(more, less, in_numbers + counted)
    if not options.count:
        say(f"What both move in memory: ./workbook solution {exercise.call} --count")
    tell_of_walkthrough(exercise)
    return Exit.OK


def tell_of_walkthrough(exercise) -> None:
    if walkthrough.page(exercise):
        say(f"Step by step, with reasons: {walkthrough.call(exercise)}")


def is_solved(place: position.Place) -> bool:
    """Now, or with any content before."""
    return place.solved or bool(progress.Store(RESULTS).solved().get(place.exercise.key))


def named(exercise) -> str:
    return ", ".join(shown(file) for file in exercise.references)


def picture(exercise, options) -> list:
    """Side by side where the terminal is wide, or on request; else a diff."""
    ours = files.read_text(exercise.starter).splitlines()
    theirs = [line for file in exercise.references for line in files.read_text(file).splitlines()]
    names = (shown(exercise.starter), named(exercise))
    width = shutil.get_terminal_size().columns
    if options.side_by_side or (width >= WIDE and not options.diff):
        return side_by_side.columns(ours, theirs, names, max(width, 40))
    return side_by_side.diff(ours, theirs, names, width if sys.stdout.isatty() else None)


def tell(more: list, less: list, numbers: list) -> None:
    for title, found in (
        ("What the reference does and yours does not:", more),
        ("What yours does and the reference does not:", less),
    ):
        if found:
            heading(title)
            for does in found:
                say(f"  - {does}")
    if not more and not less:
        say("Of the CUDA features that are compared here, both use the same.")
    for sentence in numbers:
        say(sentence)


def count(exercise, options) -> list:
    """The meter's totals of both, on the CPU device: inspect's own runs."""
    reports = {}
    for name, found in inspect.count(exercise, ["starter", "solution"], options).items():
        if found.bad_end or found.wrong or not found.report:
            warn(f"{name} was not counted: {'; '.join([*found.wrong, found.bad_end]) or 'no report'}")
            return []
        reports[name] = found.report
    return differences.counted(reports["starter"], reports["solution"])
