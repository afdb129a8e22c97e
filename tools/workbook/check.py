"""`check NN`: build and judge the student's starters of one chapter, and say what is wrong and where."""

from __future__ import annotations

import re

from . import chapters, device, setup, test_run
from .build import Build
from .console import heading, mark, paint, say, warn
from .errors import Exit, WorkbookError, shown
from .machine import RESULTS

LISTED_FAILURES = 12
SHOWN_NOTES = 2
NO_SUCH_IMPLEMENTATION = "no implementation is called"


def command(options) -> int:
    chapter = chapters.find(options.chapter)
    exercises = chapters.select(chapter, options.exercise)
    wanted = "_test" if options.solution else "_starter_test"
    ready = [e for e in exercises if e.has("test.cpp") and (options.solution or e.starter.exists())]
    if not ready:
        raise WorkbookError(nothing_to_check(chapter, exercises, options.solution), Exit.USAGE)

    chosen = device.choose(options.device)
    setup.ensure(chosen)
    build = Build(chosen, options.jobs, options.verbose)
    build.configure()
    codes = [check_one(build, exercise, exercise.name + wanted, options) for exercise in ready]
    return Exit.BUILD if Exit.BUILD in codes else max(codes)


def nothing_to_check(chapter, exercises: list, solution: bool) -> str:
    if solution or not exercises:
        return f"{chapter.name} has no exercise with a test yet; ./workbook list shows the chapters that have"
    names = ", ".join(e.name for e in exercises)
    return (
        f"{chapter.name} has no starter yet ({names}); ./workbook check {chapter.name[:2]} --solution "
        "tests the reference, and ./workbook list shows the chapters that have starters"
    )


def check_one(build: Build, exercise, target: str, options) -> Exit:
    """Build and run one test program, print the verdict; remembers it when it is about the starter."""
    where = shown(exercise.starter)
    say()
    heading(f"{exercise.chapter.name} / {exercise.name}")
    try:
        build.build([target], exercise.name, options.timeout)
    except WorkbookError as error:
        say(error.details)
        if options.solution:
            raise WorkbookError(str(error), error.code) from error
        if error.code != Exit.BUILD or f"{exercise.name}_starter." not in error.details:
            raise WorkbookError(str(error), error.code) from error
        say(f"\n{mark(False)} {where} does not compile: the first error above says where.")
        exercise.remember({"passed": False, "problem": "does not compile", "device": build.device})
        return Exit.BUILD
    arguments = ["--impl", options.impl] if options.impl else []
    outcome = test_run.run(build.program(target), arguments, options.timeout, RESULTS)
    ran = ", ".join(outcome.implementations) or "none"
    subject = f"implementations: {ran}" if options.solution else f"your {where}"
    say(f"{subject}, on {device.label(build.device)}")
    for complaint in complaints(outcome.output):
        warn(complaint)
    show(outcome, options.verbose)
    if options.impl and NO_SUCH_IMPLEMENTATION in outcome.output:
        choices(exercise, options.solution)  # nothing ran: nothing to remember
    elif not options.solution:
        exercise.remember(
            {
                "passed": outcome.passed,
                "total": outcome.total,
                "failed": len(outcome.failures),
                "problem": outcome.problem,
                "device": build.device,
            }
        )
        next_step(exercise, outcome)
    return Exit.OK if outcome.passed else Exit.FAILED


def complaints(output: str) -> list:
    """What the CPU device says of its settings, in the middle of a line of the report: a typing error in
    SIMT_ORDER would otherwise go unseen."""
    return re.findall(r"simt: (SIMT_.*)", output)


def show(outcome: test_run.TestRun, verbose: bool) -> None:
    """The summary first, then the words of the first failure (or of all of them)."""
    if outcome.problem:
        say(f"{mark(False)} {outcome.problem}")
        say(paint(test_run.tail(outcome.output), "dim"))
        return
    good = outcome.total - outcome.skipped - len(outcome.failures)
    if not outcome.failures:
        say(f"{mark(True)} all {good} tests pass")
        return
    skipped = f", {outcome.skipped} skipped" if outcome.skipped else ""
    say(f"{mark(False)} {len(outcome.failures)} of {outcome.total} tests fail, {good} pass{skipped}:")
    for failure in outcome.failures[:LISTED_FAILURES]:
        name = f" ({failure.implementation})" if len(outcome.implementations) > 1 else ""
        say(f"    {mark(False)} {failure.test}{name}")
    if len(outcome.failures) > LISTED_FAILURES:
        say(f"    ... and {len(outcome.failures) - LISTED_FAILURES} more")
    for failure in outcome.failures if verbose else outcome.failures[:1]:
        say()
        heading(failure.test if verbose else f"The first failure, {failure.test}:")
        for message in failure.messages if verbose else in_short(failure.messages):
            say(indent(message))


def in_short(messages: list) -> list:
    """The first message, and what the test adds in words of its own (ADD_FAILURE): often the likely cause."""
    added = [note for _, found, note in (m.partition("\nFailed\n") for m in messages[1:]) if found]
    return messages[:1] + added[:SHOWN_NOTES]


def indent(text: str) -> str:
    return "\n".join("  " + line for line in text.splitlines())


def choices(exercise, solution: bool) -> None:
    """What --impl may name, where it named nothing."""
    command = f"./workbook check {exercise.chapter.name[:2]} {exercise.name}"
    names = ", ".join(exercise.implementations)
    say()
    if solution and names:
        say(f"Next: {command} --solution --impl NAME, with one of {names}.")
        return
    others = f" With --solution --impl NAME: {names}." if names else ""
    say(f"Next: {command}, which tests your starter: it is all there is without --solution.{others}")


def next_step(exercise, outcome: test_run.TestRun) -> None:
    number = exercise.chapter.name[:2]
    say()
    if outcome.passed:
        bench = (
            f" How fast is it? ./workbook bench {number} {exercise.name} --starter."
            if exercise.has("bench.cpp")
            else ""
        )
        say(f"Solved.{bench} Compare with {shown(exercise.reference)}.")
        return
    hints = exercise.folder / "hints.md"
    lesson = exercise.folder / "README.md"
    reading = [shown(file) for file in (lesson, hints) if file.exists()]
    advice = f" Stuck? {', then '.join(reading)}." if reading else ""
    again = f"./workbook check {number} {exercise.name}"
    if len(outcome.failures) > 1:
        say(f"A later failure may say more: {again} --verbose shows them all.")
    say(f"Next: edit {shown(exercise.starter)}, then {again} again.{advice}")
